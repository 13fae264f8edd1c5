"""Evaluations on disk: what was written comes back, and what does not belong together is refused."""

import pytest

from jptransfer.errors import ArtifactError, ConfigError
from jptransfer.evaluation.predictions import (
    Predictions,
    Scores,
    check_same_examples,
    load_evaluation,
    write_evaluation,
)
from jptransfer.tasks.base import make_task
from jptransfer.tasks.ner import EntityPrediction
from jptransfer.tasks.spans import Span
from tests.evaluation.conftest import label_rows

GOLD = ["良い", "悪い", "普通", "良い"]


def test_round_trip(store):
    folder = store("a", GOLD, ["良い", "悪い", "良い", "良い"])
    evaluation = load_evaluation(folder)
    assert evaluation.splits == ["test"]
    assert evaluation.task.labels == ["悪い", "普通", "良い"]
    assert evaluation.predictions("test").rows == label_rows(GOLD, ["良い", "悪い", "良い", "良い"])


def test_entities_come_with_conllevals_report(tmp_path):
    kyoto = [Span(0, 2, "地名")]
    row = EntityPrediction("1", "京都に行く", [(0, 2), (2, 3), (3, 5)], kyoto, kyoto, [0.9])
    predictions = Predictions(make_task("ner", ["地名"]), "validation", [row])
    write_evaluation(tmp_path, "entity_f1", [(predictions, Scores({}, {}))])
    assert (tmp_path / "conlleval" / "validation.txt").read_text(encoding="utf-8").startswith(
        "processed 3 tokens with 1 phrases; found: 1 phrases; correct: 1.\n")


def test_what_is_not_there_is_named(store, tmp_path):
    folder = store("a", GOLD, GOLD)
    with pytest.raises(ConfigError, match="unknown split 'tset' .did you mean 'test'"):
        load_evaluation(folder).predictions("tset")
    (folder / "predictions.parquet").unlink()
    with pytest.raises(ArtifactError, match="predictions.parquet is missing"):
        load_evaluation(folder).predictions("test")
    with pytest.raises(ArtifactError, match="holds no evaluation"):
        load_evaluation(tmp_path)


def test_runs_on_other_examples_are_refused():
    task = make_task("classification", ["悪い", "普通", "良い"])

    def run(rows):
        return Predictions(task, "test", rows)

    rows = label_rows(GOLD, GOLD)
    check_same_examples([run(rows), run(label_rows(GOLD, GOLD[::-1]))])
    for other, message in [
        (run(rows[:3]), "4 and 3 examples"),
        (run(rows[::-1]), "different examples: 'e0' and 'e3'"),
        (run(label_rows(["普通", *GOLD[1:]], GOLD)), "disagree on the gold answer of example 'e0'"),
        (Predictions(make_task("classification", ["x"]), "test", []), "different tasks"),
    ]:
        with pytest.raises(ArtifactError, match=message):
            check_same_examples([run(rows), other])
