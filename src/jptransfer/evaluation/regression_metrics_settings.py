"""Registry rows of metrics of numbers."""

from __future__ import annotations

from jptransfer.registry import METRICS

METRICS.add("pearson", "jptransfer.evaluation.regression_metrics:pearson",
            "Pearson's correlation of predicted and gold numbers")
METRICS.add("spearman", "jptransfer.evaluation.regression_metrics:spearman",
            "Spearman's rank correlation of predicted and gold numbers")
METRICS.add("mse", "jptransfer.evaluation.regression_metrics:mse", "mean squared error of predicted numbers")
