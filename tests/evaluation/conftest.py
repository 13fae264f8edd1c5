"""Stored evaluations made of answers written down in a test."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from jptransfer.config import EvaluationConfig
from jptransfer.evaluation.metrics import metrics_for
from jptransfer.evaluation.predictions import Predictions, write_evaluation
from jptransfer.evaluation.scoring import score_split
from jptransfer.tasks.base import make_task
from jptransfer.tasks.classification import LabelPrediction

LABELS = ["悪い", "普通", "良い"]


def label_rows(gold: Sequence[str], predicted: Sequence[str], sure: float = 0.8) -> list[LabelPrediction]:
    """Predictions with probability `sure` on the predicted label."""
    rest = (1 - sure) / (len(LABELS) - 1)
    return [
        LabelPrediction(f"e{i}", f"{i}番目の部屋", g, p, [sure if p == label else rest for label in LABELS])
        for i, (g, p) in enumerate(zip(gold, predicted, strict=True))
    ]


@pytest.fixture
def store(tmp_path) -> Callable[..., Path]:
    """Write an evaluation of `predicted` against `gold` and return its folder."""

    def make(name: str, gold: Sequence[str], predicted: Sequence[str], split: str = "test") -> Path:
        task = make_task("classification", LABELS)
        predictions = Predictions(task, split, label_rows(gold, predicted))
        folder = tmp_path / name
        folder.mkdir()
        scores = score_split(predictions, metrics_for(task), EvaluationConfig(bootstrap=50))
        write_evaluation(folder, "accuracy", [(predictions, scores)])
        return folder

    return make
