"""A metric: the share of answers that are right or next to right in the order of the labels."""

import numpy as np

from jptransfer.evaluation.metrics import SumMetric
from jptransfer.registry import METRICS
from jptransfer.tasks.outcomes import LabelOutcomes

METRICS.add("nearly_right", "jpt_example.metric:nearly_right", "Share of answers at most one label away")


def counts(outcomes):
    """Return (examples, 2): nearly right, and one."""
    distance = np.abs(outcomes.index(outcomes.gold) - outcomes.index(outcomes.predicted))
    return np.stack([distance <= 1, np.ones_like(distance)], axis=1).astype(np.int64)


nearly_right = SumMetric("nearly_right", LabelOutcomes, counts, lambda sums: sums[..., 0] / sums[..., 1])
