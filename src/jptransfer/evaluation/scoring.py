"""The scores of one split, as `metrics.json` holds them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from jptransfer.config import EvaluationConfig
from jptransfer.errors import DataError
from jptransfer.evaluation.bootstrap import interval
from jptransfer.evaluation.metrics import CLASSIFICATION, Metric, confusion_matrix, per_label
from jptransfer.evaluation.predictions import Predictions, stack_counts


def score_split(predictions: Predictions, metrics: Sequence[Metric], config: EvaluationConfig) -> dict[str, Any]:
    """Return examples, metrics, intervals, scores by label and, for a classification, the confusion matrix.

    Raises:
        DataError: the split is empty.
    """
    if not predictions.rows:
        raise DataError(f"split '{predictions.split}' of the data set is empty: there is nothing to score")
    scores: dict[str, Any] = {"examples": len(predictions.rows), "metrics": {}, "intervals": {}}
    for metric in metrics:
        counts = stack_counts([predictions], metric)
        scores["metrics"][metric.name] = float(metric.value(counts[0].sum(axis=0)))
        if config.bootstrap:
            low_high = interval(counts, metric.value, config.bootstrap, config.confidence, config.seed)
            scores["intervals"][metric.name] = list(low_high)
    scores["per_label"] = per_label(predictions.outcomes)
    if predictions.task.kind == CLASSIFICATION:
        scores["confusion"] = confusion_matrix(predictions.outcomes).tolist()
    return scores
