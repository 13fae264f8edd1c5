"""The scores of one split."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from jptransfer.config import EvaluationConfig
from jptransfer.errors import DataError
from jptransfer.evaluation.bootstrap import interval
from jptransfer.evaluation.metrics import Metric
from jptransfer.evaluation.predictions import Predictions, Scores


def score_split(predictions: Predictions, metrics: Sequence[Metric], config: EvaluationConfig) -> Scores:
    """Return metrics with their intervals, and the task's details.

    Raises:
        DataError: the split is empty.
    """
    if not predictions.rows:
        raise DataError(f"split '{predictions.split}' of the data set is empty: there is nothing to score")
    details = predictions.task.details(predictions.outcomes)
    return Scores({metric.name: _score(predictions, metric, config) for metric in metrics}, details)


def _score(predictions: Predictions, metric: Metric, config: EvaluationConfig) -> dict[str, Any]:
    sample, low, high = metric.sample([predictions.outcomes]), None, None
    if config.bootstrap:
        low, high = interval(sample, config.bootstrap, config.confidence, config.seed, metric.bounds)
    return {"value": float(sample.scores[0]), "low": low, "high": high, "n": len(predictions.rows)}
