"""F1 of chunks as the package seqeval finds them, beside conlleval's (`unit_f1`), for numbers that can be compared.

Predictions are stored as spans, so the tags that seqeval reads are the IOB2 tags of these spans over the scored units.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from jptransfer.evaluation.metrics import SumMetric, f1
from jptransfer.tasks.outcomes import SpanOutcomes

Chunks = set[tuple[str, int, int]]


def _lenient(tags: Sequence[str]) -> Chunks:
    from seqeval.metrics.sequence_labeling import get_entities

    return set(get_entities(list(tags)))


def _strict(tags: Sequence[str]) -> Chunks:
    from seqeval.scheme import IOB2, Entities

    return {(one.tag, one.start, one.end) for found in Entities([list(tags)], IOB2).entities for one in found}


def _counts(outcomes: SpanOutcomes, chunks: Callable[[Sequence[str]], Chunks]) -> np.ndarray:
    """Return (examples, 3) int64: right, predicted and gold chunks."""
    found = [(chunks(gold), chunks(predicted)) for gold, predicted in outcomes.tags()]
    rows = [(len(gold & predicted), len(predicted), len(gold)) for gold, predicted in found]
    return np.array(rows, dtype=np.int64).reshape(-1, 3)


seqeval_f1 = SumMetric("seqeval_f1", SpanOutcomes, lambda outcomes: _counts(outcomes, _lenient), f1)
seqeval_f1_strict = SumMetric("seqeval_f1_strict", SpanOutcomes, lambda outcomes: _counts(outcomes, _strict), f1)
