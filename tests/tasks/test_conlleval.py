"""conlleval's numbers: by hand, against seqeval where both agree by definition, and against a naive second reading."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from seqeval.metrics import classification_report, f1_score

from jptransfer.errors import DataError
from jptransfer.evaluation.metrics import entity_f1, unit_f1, unit_precision, unit_recall
from jptransfer.evaluation.metrics import score as score_of
from jptransfer.tasks.conlleval import score, score_each, unit_tags
from jptransfer.tasks.outcomes import SpanOutcomes
from jptransfer.tasks.spans import Span


def counts(gold: str, predicted: str) -> tuple[int, int, int]:
    """Correct, found and gold chunks of one sentence given as tags with spaces between."""
    overall = score([gold.split()], [predicted.split()]).overall
    return overall.correct, overall.found, overall.gold


@pytest.mark.parametrize(("gold", "predicted", "expected"), [
    ("B-A I-A O", "B-A I-A O", (1, 1, 1)),
    ("B-A I-A O", "B-A O O", (0, 1, 1)),  # too short
    ("B-A O O", "B-A I-A O", (0, 1, 1)),  # too long
    ("O I-A I-A", "O B-A I-A", (1, 1, 1)),  # I- after O starts a chunk
    ("B-A I-A", "B-A B-A", (0, 2, 1)),  # B- splits
    ("I-A I-B", "I-A I-B", (2, 2, 2)),  # a change of type starts a chunk
    ("B-A I-B", "B-A I-A", (0, 1, 2)),
    ("B-A-x I-A-x", "B-A-x I-A-y", (0, 2, 1)),  # hyphens belong to the type
    ("I-A E-A I-A E-A", "B-A I-A B-A I-A", (2, 2, 2)),  # IOE
    ("B-A E-A B-A E-A", "B-A I-A B-A I-A", (0, 2, 1)),  # the script knows no B after E: one gold chunk of four tokens
    ("S-A S-A O", "B-A I-A O", (1, 1, 1)),  # nor S
    ("O I I O B B", "O I I O B O", (2, 2, 3)),  # bare tags have the empty type
    ("O I E I E O", "O I E I E O", (2, 2, 2)),
    ("O E E O", "O E E O", (2, 2, 2)),
    ("O O", "O O", (0, 0, 0)),
])
def test_chunks_by_hand(gold, predicted, expected):
    assert counts(gold, predicted) == expected


def test_a_chunk_ends_with_its_sentence():
    assert score([["B-A"], ["I-A"]], [["B-A"], ["I-A"]]).overall.gold == 2


def test_report_reads_as_the_script_prints_it():
    gold = [["B-LOC", "I-LOC", "O", "B-PER"], ["O", "B-ORG-x", "O"]]
    predicted = [["B-LOC", "I-LOC", "O", "O"], ["B-PER", "B-ORG-x", "I-ORG-x"]]
    assert str(score(gold, predicted)) == (
        "processed 7 tokens with 3 phrases; found: 3 phrases; correct: 1.\n"
        "accuracy:  57.14%; precision:  33.33%; recall:  33.33%; FB1:  33.33\n"
        "              LOC: precision: 100.00%; recall: 100.00%; FB1: 100.00  1\n"
        "            ORG-x: precision:   0.00%; recall:   0.00%; FB1:   0.00  1\n"
        "              PER: precision:   0.00%; recall:   0.00%; FB1:   0.00  1\n"
    )


def test_nothing_to_score():
    empty = score([], [])
    assert (empty.accuracy, empty.overall.f1, empty.types) == (0.0, 0.0, {})


@pytest.mark.parametrize(("gold", "predicted"), [([["O"]], [["O", "O"]]), ([["O"]], [])])
def test_unequal_lengths_are_an_error(gold, predicted):
    with pytest.raises(DataError):
        score(gold, predicted)


PREFIXES = {"iob": "BI", "ioe": "IE"}


@st.composite
def sentences(draw, prefixes: str) -> tuple[list[list[str]], list[list[str]]]:
    """Gold and predicted tags, anything goes within the alphabet; predictions often agree with the gold."""
    tags = ["O", *(f"{prefix}-{kind}" for prefix in prefixes for kind in ("A", "B-x"))]
    pair = st.sampled_from(tags).flatmap(lambda tag: st.tuples(st.just(tag), st.just(tag) | st.sampled_from(tags)))
    drawn = draw(st.lists(st.lists(pair, min_size=1, max_size=8), min_size=1, max_size=6))
    return [[g for g, _ in s] for s in drawn], [[p for _, p in s] for s in drawn]


@given(sentences("BI"))
def test_agrees_with_seqeval(pair):
    gold, predicted = pair
    ours = score(gold, predicted)
    if not any(tag != "O" for tags in gold for tag in tags):
        return  # seqeval warns
    assert ours.overall.f1 == pytest.approx(f1_score(gold, predicted, zero_division=0))
    theirs = classification_report(gold, predicted, output_dict=True, zero_division=0)
    for name, scores in ours.types.items():
        row = theirs[name]
        assert (scores.precision, scores.recall, scores.f1, scores.gold) == pytest.approx(
            (row["precision"], row["recall"], row["f1-score"], row["support"]))


def naive_chunks(tags: list[str]) -> set[tuple[int, int, str]]:
    """The rules of the CoNLL-2000 task, one token at a time and looking at neighbours only."""
    split = [tag.partition("-")[::2] for tag in tags]

    def begins(i: int) -> bool:
        prefix, kind = split[i]
        before = split[i - 1] if i else ("O", "")
        return prefix != "O" and (
            prefix == "B" and before[0] != "E" or before[0] == "O" or before[1] != kind
            or before[0] == "E" and prefix in "IE")

    found = set()
    for start in (i for i in range(len(tags)) if begins(i)):
        end = start + 1
        while end < len(tags) and split[end][0] != "O" and not begins(end):
            end += 1
        found.add((start, end, split[start][1]))
    return found


@given(st.one_of(sentences("BI"), sentences("IE"), sentences("BIE")))
def test_agrees_with_a_naive_second_reading(pair):
    gold, predicted = pair
    ours = score(gold, predicted)
    chunks = [(naive_chunks(g), naive_chunks(p)) for g, p in zip(gold, predicted, strict=True)]
    assert (ours.overall.correct, ours.overall.found, ours.overall.gold) == tuple(
        sum(map(len, column)) for column in zip(*((g & p, p, g) for g, p in chunks), strict=True))
    kinds = {kind for g, p in chunks for *_, kind in g | p}
    assert {name: s.correct for name, s in ours.types.items()} == {
        kind: sum(span[2] == kind for g, p in chunks for span in g & p) for kind in kinds}
    right = sum(g == p for gs, ps in zip(gold, predicted, strict=True) for g, p in zip(gs, ps, strict=True))
    assert (ours.correct_tokens, ours.tokens) == (right, sum(map(len, gold)))


@given(st.one_of(sentences("BI"), sentences("BIE"), sentences("BIES[].")))
def test_sentences_scored_together_are_those_scored_alone(pair):
    gold, predicted = pair
    alone = [score([g], [p]) for g, p in zip(gold, predicted, strict=True)]
    chunks = [(one.overall.correct, one.overall.found, one.overall.gold) for one in alone]
    assert score_each(gold, predicted).tolist() == list(map(list, chunks))
    together = score(gold, predicted)
    whole = together.overall
    assert (whole.correct, whole.found, whole.gold) == tuple(map(sum, zip(*chunks, strict=True)))
    assert together.correct_tokens == sum(one.correct_tokens for one in alone)


UNITS = [(0, 2), (2, 3), (4, 7), (7, 8), (8, 12), (13, 14)]


@st.composite
def unit_spans(draw) -> list[Span]:
    """Character spans that lie on the borders of `UNITS` and do not overlap."""
    borders = sorted(draw(st.lists(st.integers(0, len(UNITS)), unique=True, max_size=6)))
    pairs = list(zip(borders[::2], borders[1::2], strict=False))
    return [Span(UNITS[a][0], UNITS[b - 1][1], draw(st.sampled_from(["人名", "地名"]))) for a, b in pairs]


@given(st.lists(st.tuples(unit_spans(), unit_spans()), min_size=1, max_size=5))
def test_entity_scores_over_spans_are_conllevals_over_tags(pairs):
    gold, predicted = zip(*pairs, strict=True)
    tagged = score([unit_tags(UNITS, g) for g in gold], [unit_tags(UNITS, p) for p in predicted])
    outcomes = SpanOutcomes(gold, predicted, ["人名", "地名"])
    assert score_of(entity_f1, outcomes) == pytest.approx(tagged.overall.f1)
    over_units = replace(outcomes, units=[UNITS] * len(pairs))
    overall = tagged.overall
    for metric, value in ((unit_f1, overall.f1), (unit_precision, overall.precision), (unit_recall, overall.recall)):
        assert score_of(metric, over_units) == pytest.approx(value)
