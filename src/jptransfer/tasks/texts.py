"""Encoding of whole texts, one feature each: what all kinds with one answer per text share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from jptransfer.tasks.base import Example, Feature, Limits

if TYPE_CHECKING:
    from jptransfer.text.types import Tokenizer


PAIR_MARK = "\u241e"
"""Is put between two texts where a learner reads one: the symbol for a record separator, which no text contains."""


def encode_texts(examples: Sequence[Example], targets: np.ndarray, tokenizer: Tokenizer,
                 limits: Limits) -> list[Feature]:
    """Return a feature per example: what the limits leave of its text or two texts, see `jptransfer.text.inputs`.

    Args:
        targets: (examples, outputs), of the dtype that the loss needs.
    """
    from jptransfer.text.inputs import build_many

    texts, pairs = [one.text for one in examples], [one.text_pair for one in examples]
    made = build_many(tokenizer, texts, pairs, limits.max_length, limits.truncation_side)
    return [Feature(index, one.ids, target if len(target) == 1 else target[None], truncated=one.truncated,
                    segments=one.type_ids, special=one.special)
            for index, (one, target) in enumerate(zip(made, targets, strict=True))]


def joined_texts(examples: Sequence[Example]) -> list[str]:
    """Return each example's text, or both its texts with `PAIR_MARK` between them."""
    return [f"{one.text} {PAIR_MARK} {one.text_pair}" if one.text_pair else one.text for one in examples]


def count_truncated(features: Sequence[Feature]) -> dict[str, int]:
    """Return how many examples there are and how many of them were truncated, one feature per example."""
    return {"examples": len(features), "truncated": sum(feature.truncated > 0 for feature in features)}
