"""What metrics.json says of a split."""

import json

import pytest

from jptransfer.config import EvaluationConfig
from jptransfer.errors import DataError
from jptransfer.evaluation.metrics import metrics_for
from jptransfer.evaluation.predictions import Predictions
from jptransfer.evaluation.scoring import score_split
from jptransfer.tasks.base import make_task
from tests.evaluation.conftest import LABELS, label_rows

TASK = make_task("classification", LABELS)
METRICS = metrics_for(TASK, ["kappa"])


def test_scores_intervals_labels_and_confusion():
    gold = ["良い", "悪い", "普通", "良い"] * 10
    predicted = ["良い", "悪い", "良い", "悪い"] * 10
    predictions = Predictions(TASK, "test", label_rows(gold, predicted))
    scores = score_split(predictions, METRICS, EvaluationConfig(bootstrap=200))
    assert list(scores.metrics) == ["accuracy", "error_rate", "macro_f1", "micro_f1", "kappa"]
    assert scores.metrics["accuracy"]["value"] == 0.5
    for score in scores.metrics.values():
        assert score["low"] < score["value"] < score["high"]
        assert score["n"] == 40
    assert scores.details["confusion"] == [[10, 0, 0], [0, 0, 10], [10, 0, 10]]
    assert scores.details["per_label"]["良い"] == {"precision": 0.5, "recall": 0.5, "f1": 0.5, "support": 20}
    assert json.loads(json.dumps(vars(scores), allow_nan=False)) == vars(scores)


def test_no_interval_if_none_is_asked_for():
    predictions = Predictions(TASK, "test", label_rows(["良い"], ["良い"]))
    scores = score_split(predictions, METRICS, EvaluationConfig(bootstrap=0)).metrics
    assert scores["accuracy"] == {"value": 1.0, "low": None, "high": None, "n": 1}


def test_one_class_alone_has_finite_scores():
    predictions = Predictions(TASK, "test", label_rows(["良い"] * 3, ["良い"] * 3))
    scores = score_split(predictions, METRICS, EvaluationConfig(bootstrap=20))
    assert {name: score["value"] for name, score in scores.metrics.items()} == {
        "accuracy": 1.0, "error_rate": 0.0, "macro_f1": 1.0, "micro_f1": 1.0, "kappa": 0.0}


def test_an_empty_split_is_an_error():
    with pytest.raises(DataError, match="split 'test' of the data set is empty"):
        score_split(Predictions(TASK, "test", []), METRICS, EvaluationConfig())
