from dataclasses import replace
from html.parser import HTMLParser
from types import SimpleNamespace

from hypothesis import given
from hypothesis import strategies as st

from jptransfer.evaluation.errors import differences
from jptransfer.evaluation.predictions import Predictions
from jptransfer.report.examples import LONGEST, disagreements, errors, highlight
from jptransfer.tasks.base import make_task
from jptransfer.tasks.classification import LabelPrediction
from tests.report import fabricate

COLOURS = {"人名": 0, "地名": 1}
span = st.tuples(st.integers(0, 12), st.integers(1, 6), st.sampled_from(list(COLOURS))).map(
    lambda s: (s[0], s[0] + s[1], s[2]))


class Marked(HTMLParser):
    """The characters of highlighted HTML, each with the types of the marks around it; type names left out."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.characters: list[tuple[str, list[str]]] = []
        self.stack: list[tuple[str, str]] = []
        self.feed(html)
        assert not self.stack

    def handle_starttag(self, tag, attrs):
        assert tag in ("mark", "i")
        self.stack.append((tag, dict(attrs).get("title", "")))

    def handle_endtag(self, tag):
        assert self.stack.pop()[0] == tag

    def handle_data(self, data):
        if self.stack and self.stack[-1][0] == "i":
            return
        self.characters += [(c, sorted(kind for _, kind in self.stack)) for c in data]


@given(st.text(st.sampled_from("<>&\"'あ𠮷b"), max_size=16), st.lists(span, max_size=5, unique=True))
def test_every_character_keeps_its_place_and_its_spans(text, spans):
    expected = [(c, sorted(kind for start, end, kind in spans if start <= i < end)) for i, c in enumerate(text)]
    assert Marked(highlight(text, spans, COLOURS)).characters == expected


def test_nested_spans_nest():
    html = highlight("東京大学", [(0, 4, "人名"), (0, 2, "地名")], COLOURS, agreed=[(0, 4, "人名")])
    assert html == ('<mark class="t0 first" title="人名"><mark class="t1 differs first last" title="地名">東京'
                    '<i>地名</i></mark></mark><mark class="t0 last" title="人名">大学<i>人名</i></mark>')


def test_long_texts_are_cut_and_their_spans_too():
    html = highlight("あ" * 1000, [(LONGEST - 1, LONGEST + 5, "人名"), (900, 901, "地名")], COLOURS)
    marked = Marked(html).characters
    assert len(marked) == LONGEST + 1 and marked[-1][0] == "…" and marked[-2][1] == ["人名"]


def test_errors_of_a_classification(polarity):
    results = polarity.results[0]
    found = errors(results, results.best, 6)
    assert len(found) == 6
    for one in found:
        position = int(one.id.split("-")[-1])
        assert one.answers[0].html == fabricate.LABELS[position % 3] and one.answers[1].right is False
        wrong = sum(run.rows[position].gold != run.rows[position].predicted for run in results.best.predictions)
        assert one.note == f"wrong in {wrong} of 3 runs"


def test_both_texts_of_a_pair_are_shown():
    task = make_task("classification", ["no", "yes"])
    rows = [LabelPrediction(str(n), "部屋", "yes", answer, [0.5, 0.5], f"朝食{'あ' * LONGEST * n}")
            for n, answer in enumerate(["no", "yes", "no"])]
    run = Predictions(task, "test", rows)
    other = Predictions(task, "test", [replace(row, predicted="yes") for row in rows])
    found = errors(None, SimpleNamespace(predictions=[run]), 5)
    assert [(one.text, one.text_pair[:2], len(one.text_pair)) for one in found] == [
        ("部屋", "朝食", 2), ("部屋", "朝食", LONGEST + 1)]
    assert [one.text_pair for one in differences([run], [other])] == [rows[0].text_pair, rows[2].text_pair]


def test_examples_on_which_rows_differ(polarity):
    results = polarity.results[0]
    better, worse = disagreements(results, results.best, 6, seed=0)
    assert len(better) == len(worse) == 3
    for shown, sign in [(better, 1), (worse, -1)]:
        for one in shown:
            position = int(one.id.split("-")[-1])
            right = [sum(run.rows[position].gold == run.rows[position].predicted for run in row.predictions)
                     for row in (results.base, results.best)]
            assert (right[1] - right[0]) * sign > 0
    assert disagreements(results, results.best, 6, seed=0) == (better, worse)
    assert disagreements(results, results.base, 6, seed=0) == ([], [])


def test_entities_are_shown_in_their_text(entities):
    results = entities.results[0]
    for one in errors(results, results.best, 4):
        assert [answer.who for answer in one.answers] == ["gold", "predicted"]
        assert "differs" in one.answers[0].html + one.answers[1].html
        assert "<b>" not in one.answers[0].html and "&lt;b&gt;" in one.answers[0].html
