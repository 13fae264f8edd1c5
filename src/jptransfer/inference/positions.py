"""Where the states of an encoder stand in a text."""

from __future__ import annotations

from typing import Any

from jptransfer.learners.scores import EncoderPredictor
from jptransfer.models.encoder import Encoded
from jptransfer.text.inputs import build_inputs


def token_places(encoded: Encoded, row: int, width: int, length: int) -> list[int]:
    """Return where each state of a text stands among its `length` ids, in a batch as wide as `width` ids."""
    count = int(encoded.mask[row].sum())
    if encoded.places is not None:
        return (encoded.places[row, :count] - row * width).tolist()
    first = 0 if encoded.backward else length - count  # of a text read in windows only what is read last
    return list(range(first, first + count))


def token_spans(predictor: EncoderPredictor, prediction: Any) -> list[tuple[bool, tuple[int, int]] | None]:
    """Return of each token whether it is of the second text, and its span there; None: a special token."""
    limits = predictor.limits
    made = build_inputs(predictor.tokenizer, prediction.text, prediction.text_pair, limits.max_length,
                        limits.truncation_side)
    found: list[tuple[bool, tuple[int, int]] | None] = [None] * len(made.ids)
    for number, (start, end) in enumerate(made.places):
        found[start:end] = [(number == 1, span) for span in made.offsets[start:end]]
    return found
