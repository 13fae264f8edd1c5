"""Registry rows of metrics that the package seqeval computes."""

from __future__ import annotations

from jptransfer.registry import METRICS

METRICS.add("seqeval_f1", "jptransfer.evaluation.seqeval_metrics:seqeval_f1",
            "F1 over chunks of the tagged units, by seqeval")
METRICS.add("seqeval_f1_strict", "jptransfer.evaluation.seqeval_metrics:seqeval_f1_strict",
            "F1 over chunks of the tagged units by seqeval, strict IOB2: only B- begins a chunk")
