"""The scores of one split."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from jptransfer.config import EvaluationConfig
from jptransfer.errors import DataError
from jptransfer.evaluation.bootstrap import interval
from jptransfer.evaluation.metrics import CLASSIFICATION, Metric, confusion_matrix, per_label
from jptransfer.evaluation.predictions import Predictions, Scores, stack_counts


def score_split(predictions: Predictions, metrics: Sequence[Metric], config: EvaluationConfig) -> Scores:
    """Return metrics with their intervals, scores by label and, for a classification, the confusion matrix.

    Raises:
        DataError: the split is empty.
    """
    if not predictions.rows:
        raise DataError(f"split '{predictions.split}' of the data set is empty: there is nothing to score")
    details: dict[str, Any] = {"per_label": per_label(predictions.outcomes)}
    if predictions.task.kind == CLASSIFICATION:
        details["confusion"] = confusion_matrix(predictions.outcomes).tolist()
    return Scores({metric.name: _score(predictions, metric, config) for metric in metrics}, details)


def _score(predictions: Predictions, metric: Metric, config: EvaluationConfig) -> dict[str, Any]:
    counts, low, high = stack_counts([predictions], metric), None, None
    if config.bootstrap:
        low, high = interval(counts, metric.value, config.bootstrap, config.confidence, config.seed, metric.bounds)
    value = float(metric.value(counts[0].sum(axis=0)))
    return {"value": value, "low": low, "high": high, "n": len(predictions.rows)}
