"""Figures of suites: what they draw is counted by hand here, from artifacts that are written and not trained."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jptransfer.artifacts import Artifact, Manifest, Store
from jptransfer.config import ColumnConfig, EvaluationConfig, RowConfig, ScaleConfig, SuiteConfig
from jptransfer.evaluation.metrics import metrics_for
from jptransfer.evaluation.predictions import Predictions, write_evaluation
from jptransfer.evaluation.scoring import score_split
from jptransfer.report.drawing import LIGHT, render
from jptransfer.suites import figures
from jptransfer.suites.cells import Score
from jptransfer.suites.library import Suite
from jptransfer.suites.results import CellResult, SuiteResult
from jptransfer.tasks import conlleval
from jptransfer.tasks.base import make_task
from jptransfer.tasks.files import write_examples
from jptransfer.tasks.ner import EntityExample, EntityPrediction
from jptransfer.tasks.spans import Span

TASK = make_task("ner", ["LOC", "ORG", "PER"])
GOLD = ["LOC", "LOC", "ORG", "PER", "LOC", "PER"]
"""The type of the entity in each example: all of it, of two tokens."""
SAID = {"none": ["LOC", "ORG", "ORG", "PER", "", "LOC"], "char": ["LOC", "LOC", "", "PER", "LOC", "LOC"]}


def examples(types=GOLD):
    return [EntityExample(f"e{i}", "山田町", (Span(0, 3, kind),), ((0, 2), (2, 3))) for i, kind in enumerate(types)]


def add(store, kind, name, recipe=None, inputs=None, values=None) -> Artifact:
    digest = name.encode().hex().ljust(64, "0")[:64]
    made_of = {role: {"kind": one.manifest.kind, "fingerprint": one.manifest.fingerprint}
               for role, one in (inputs or {}).items()}
    manifest = Manifest(kind, name, digest, recipe or {"stage": kind}, made_of, summary={"values": values or {}})
    folder = store.artifacts / kind / f"{name}-{manifest.id}"
    folder.mkdir(parents=True)
    manifest.write(folder)
    return Artifact(folder, manifest)


def dataset(store, name="d", types=GOLD) -> Artifact:
    made = add(store, "dataset", name)
    statistics = {"splits": {"train": TASK.statistics(examples(types))}}
    (made.path / "statistics.json").write_text(json.dumps(statistics))
    write_examples(TASK, made.path / "train.parquet", examples(types))
    (made.path / "task.json").write_text('{"kind": "ner"}')
    (made.path / "labels.json").write_text(json.dumps(TASK.labels))
    return made


def evaluation(store, name, data, said, n=None) -> Artifact:
    subset = {"n": n, "fraction": None, "seed": 0, "stratify": True}
    recipe = {"stage": "finetune", "config": {"finetuning": {"subset": subset}}}
    model = add(store, "task_model", f"m{name}", recipe, {"dataset": data}, {"train_examples": n or len(GOLD)})
    made = add(store, "evaluation", name, None, {"dataset": data, "task_model": model})
    rows = [EntityPrediction(e.id, e.text, list(e.tokens), list(e.entities), [Span(0, 3, kind)] if kind else [],
                             [1.0] if kind else []) for e, kind in zip(examples(), said, strict=True)]
    predictions = Predictions(TASK, "test", rows)
    scores = score_split(predictions, metrics_for(TASK), EvaluationConfig(bootstrap=0))
    write_evaluation(made.path, "entity_f1", [(predictions, scores)])
    return made


def result(store, cells, figure="tag_arrows", metric="entity_f1") -> SuiteResult:
    """cells: (row, column) -> (artifacts, their values)."""
    rows, columns = (list(dict.fromkeys(name[i] for name in cells)) for i in (0, 1))
    config = SuiteConfig(title="表", metric=metric, figure=figure, scales={"toy": ScaleConfig()},
                         rows={row: RowConfig(title=f"行 {row}") for row in rows},
                         columns={column: ColumnConfig() for column in columns})
    made = {(row, column): CellResult(
        row, column, None, Score(sum(values) / len(values), tuple(values), None, metric, True) if values else None,
        artifacts=tuple(artifacts), overrides=("lm=none",)) for (row, column), (artifacts, values) in cells.items()}
    return SuiteResult(Suite("paper/figure", config), "toy", made, store)


@pytest.fixture
def drawn(monkeypatch):
    """Render a figure and return its axes."""
    def axes_of(figure):
        kept = []
        monkeypatch.setattr("matplotlib.figure.Figure.savefig", lambda self, *_, **__: kept.append(self))
        render.cache_clear()
        render(figure, "png", LIGHT)
        render.cache_clear()
        return kept[0].axes
    return axes_of


def test_tags_by_rank_are_those_of_the_training_split(tmp_path, drawn):
    store = Store(tmp_path)
    one = dataset(store)
    made = result(store, {("a", "types"): ([one], [3]), ("a", "examples"): ([one], [6]),
                          ("b", "types"): ([], []), ("b", "examples"): ([], [])}, "tag_frequency", "")
    [axes] = drawn(figures.tag_frequency(made))
    [line] = axes.get_lines()
    assert [list(line.get_xdata()), list(line.get_ydata())] == [[1, 2, 3], [3, 2, 1]]
    assert (axes.get_xscale(), axes.get_yscale()) == ("log", "log")
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["行 a: 3 tags"]


def test_a_figure_of_nothing_is_none(tmp_path):
    made = result(Store(tmp_path), {("a", "x"): ([], []), ("b", "x"): ([], [])})
    assert [kind(made) for kind in (figures.tag_frequency, figures.learning_curve, figures.tag_arrows)] == [None] * 3


def test_a_learning_curve_has_a_line_a_row_and_a_band_over_runs(tmp_path, drawn):
    store = Store(tmp_path)
    data = dataset(store)
    runs = {(row, n): [evaluation(store, f"{row}{n}{seed}", data, SAID["none"], n) for seed in (0, 1)]
            for row in ("none", "char") for n in (2, 4)}
    values = {("none", 2): [0.1, 0.3], ("none", 4): [0.5, 0.7], ("char", 2): [0.4, 0.4], ("char", 4): [0.6, 0.9]}
    cells = {(row, str(n)): (found, values[row, n]) for (row, n), found in runs.items()}
    [axes] = drawn(figures.learning_curve(result(store, cells, "learning_curve")))
    lines = [(list(line.get_xdata()), line.get_ydata()) for line in axes.get_lines()]
    assert [x for x, _ in lines] == [[2, 4], [2, 4]]
    assert lines[0][1] == pytest.approx([20, 60]) and lines[1][1] == pytest.approx([40, 75])
    band = axes.collections[0].get_paths()[0].vertices
    assert {tuple(map(round, point)) for point in band} == {(2, 10), (2, 30), (4, 50), (4, 70)}
    assert axes.get_xscale() == "log" and [text.get_text() for text in axes.get_xticklabels()] == ["2", "4"]


def test_arrows_go_from_the_baselines_f1_to_the_rows_as_conlleval_has_them(tmp_path):
    store = Store(tmp_path)
    data = dataset(store)
    cells = {(row, "x"): ([evaluation(store, row, data, SAID[row])], [0.5]) for row in SAID}
    changes = figures.tag_changes(result(store, cells), "char", "x")
    truth = {row: conlleval.score([[f"B-{kind}", f"I-{kind}"] for kind in GOLD],
                                  [[f"B-{kind}", f"I-{kind}"] if kind else ["O", "O"] for kind in said]).types
             for row, said in SAID.items()}
    assert {one.name: (one.before, one.after) for one in changes} == {
        tag: pytest.approx((100 * truth["none"][tag].f1, 100 * truth["char"][tag].f1)) for tag in TASK.labels}
    assert {one.name: one.seen for one in changes} == {"LOC": 3, "ORG": 1, "PER": 2}
    assert {one.name: (one.after > one.before) - (one.after < one.before) for one in changes} == {
        "LOC": 1, "ORG": -1, "PER": 0}


def test_runs_are_averaged_and_tags_that_are_nowhere_left_out(tmp_path):
    store = Store(tmp_path)
    data = dataset(store, types=["LOC", "LOC", "PER"])
    runs = {row: [evaluation(store, f"{row}{seed}", data, said) for seed, said in enumerate((SAID[row], GOLD))]
            for row in SAID}
    changes = figures.tag_changes(result(store, {(row, "x"): (found, [0.5, 1]) for row, found in runs.items()}),
                                  "char", "x")
    assert [one.name for one in changes] == ["LOC", "PER"]  # ORG is not in training
    assert changes[0].before == pytest.approx((100 * 2 / 5 + 100) / 2)


def test_a_subset_counts_the_tags_of_what_was_learnt_from(tmp_path):
    from collections import Counter

    from jptransfer.config import SubsetConfig
    from jptransfer.learners.subsets import choose

    store = Store(tmp_path)
    run = evaluation(store, "part", dataset(store), SAID["none"], n=4)
    kept = choose([f"e{i}" for i in range(6)], [""] * 6, SubsetConfig(n=4))
    assert figures.seen_tags(result(store, {("a", "x"): ([run], [1])}), run) == Counter(GOLD[i] for i in kept)


def test_arrows_are_blue_and_red_and_circles(tmp_path, drawn):
    from matplotlib.markers import CARETDOWN, CARETUP

    store = Store(tmp_path)
    data = dataset(store)
    cells = {(row, "x"): ([evaluation(store, row, data, SAID[row])], [0.5]) for row in SAID}
    [axes] = drawn(figures.tag_arrows(result(store, cells)))
    heads = {(line.get_marker(), line.get_color()) for line in axes.get_lines() if line.get_marker() != "None"}
    assert heads == {(CARETUP, LIGHT.colour(0)), (CARETDOWN, LIGHT.red), ("o", LIGHT.ink)}
    assert axes.get_xscale() == "log" and {text.get_text() for text in axes.texts} == set(TASK.labels)


@given(st.lists(st.integers(1, 50), min_size=1, max_size=40))
def test_equal_numbers_stand_side_by_side_and_never_pass_others(seen):
    places = figures.side_by_side(seen)
    assert len(set(places)) == len(places)
    for number, place in zip(seen, places, strict=True):
        assert all((number < other) == (place < there) or number == other
                   for other, there in zip(seen, places, strict=True))


def test_a_training_curve_has_the_validation_records(tmp_path):
    from types import SimpleNamespace

    from jptransfer.suites.figures import _recorded

    lines = [{"step": 1, "split": "train", "loss": 5.0}, {"step": 2, "split": "validation", "bits_per_byte": 4.5},
             {"step": 4, "split": "validation", "bits_per_byte": 4.0}, {"step": 4, "split": "validation", "loss": 1.0}]
    (tmp_path / "history.jsonl").write_text("\n".join(map(json.dumps, lines)) + "\n")
    assert list(_recorded([SimpleNamespace(path=tmp_path)], "bits_per_byte")) == [(2, 4.5), (4, 4.0)]
    assert list(_recorded([], "bits_per_byte")) == []
