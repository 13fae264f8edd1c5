"""Encoding of whole texts, one feature each: what all kinds with one answer per text share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from jptransfer.config import TruncationSide
from jptransfer.tasks.base import Feature, Limits

if TYPE_CHECKING:
    from jptransfer.text.types import Tokenizer


def encode_texts(texts: Sequence[str], targets: np.ndarray, tokenizer: Tokenizer, limits: Limits) -> list[Feature]:
    """Return a feature per text: its first (or last) pieces that fit, between the tokenizer's special tokens.

    Args:
        targets: (texts, outputs), of the dtype that the loss needs.
    """
    block = tokenizer.encode_lines(iter(texts))
    room = limits.max_length - len(tokenizer.template)
    ids, ends = block.ids.tolist(), np.cumsum(block.lengths).tolist()
    made, start = [], 0
    for index, (target, end) in enumerate(zip(targets, ends, strict=True)):
        first = start if limits.truncation_side is TruncationSide.right else max(start, end - room)
        kept = ids[first:min(end, first + room)]
        made.append(Feature(index, tokenizer.template.around(kept), target if len(target) == 1 else target[None],
                            truncated=end - start - len(kept), special=tokenizer.template.places(len(kept))))
        start = end
    return made


def count_truncated(features: Sequence[Feature]) -> dict[str, int]:
    """Return how many examples there are and how many of them were truncated, one feature per example."""
    return {"examples": len(features), "truncated": sum(feature.truncated > 0 for feature in features)}
