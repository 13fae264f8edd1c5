"""Model inputs made of texts: the one place that adds special tokens and cuts what is too long.

The special tokens are the tokenizer's own (see `jptransfer.text.types.Template`), for a single text and for a pair. The
results are those of transformers' ``tokenizer(a)`` and ``tokenizer(a, b)`` with ``truncation=True``.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import chain

import numpy as np

from jptransfer.config import TruncationSide
from jptransfer.text.types import Encoding, ModelInput, Template, Tokenizer

Ids = Sequence[int]


def build_inputs(tokenizer: Tokenizer, text: str, text_pair: str | None = None, max_length: int | None = None,
                 truncation_side: TruncationSide = TruncationSide.right) -> ModelInput:
    """Return the input for a text or a pair of texts, with offsets.

    Args:
        text_pair: the second text; None or empty: there is none, as for transformers.
        max_length: most tokens, special ones included; None: any number. See `kept_lengths`.
        truncation_side: which end of a text that is too long is cut off.
    """
    pieces = [tokenizer.encode(part) for part in ((text, text_pair) if text_pair else (text,))]
    made, kept = _build(tokenizer.template, [one.ids for one in pieces], max_length, truncation_side)
    return replace(made, offsets=_offsets(made, pieces, kept))


def build_many(tokenizer: Tokenizer, texts: Sequence[str], pairs: Sequence[str | None], max_length: int | None = None,
               truncation_side: TruncationSide = TruncationSide.right) -> list[ModelInput]:
    """Return the inputs for many texts, each with its second text, if it has one; without offsets, but much faster."""
    ids = _encoded(tokenizer, chain(texts, filter(None, pairs)))
    firsts = [next(ids) for _ in texts]
    parts = ([first, next(ids)] if pair else [first] for first, pair in zip(firsts, pairs, strict=True))
    return [_build(tokenizer.template, part, max_length, truncation_side)[0] for part in parts]


def kept_lengths(lengths: Sequence[int], room: int, odd_to_first: bool = False) -> list[int]:
    """Return how many tokens of each text stay so that all have `room` together: the longer one of two is cut first.

    Once both are equally long both are cut; `odd_to_first`: see `Template`. This is ``longest_first`` of transformers.
    """
    room = max(0, room)
    if sum(lengths) <= room:
        return list(lengths)
    if len(lengths) == 1:
        return [room]
    first, second = lengths
    half, rest = room // 2, room - room // 2
    if min(lengths) <= half:
        return [first, room - first] if first <= second else [room - second, second]
    return [rest, half] if odd_to_first or first > second else [half, rest]


def kept_range(length: int, kept: int, truncation_side: TruncationSide) -> tuple[int, int]:
    """Return the half-open range of a text's tokens that stays."""
    return (0, kept) if truncation_side is TruncationSide.right else (length - kept, length)


def _build(template: Template, texts: Sequence[Ids], max_length: int | None,
           truncation_side: TruncationSide) -> tuple[ModelInput, Sequence[tuple[int, int]]]:
    """Return the input for the ids of texts, and which range of each stays."""
    frame, lengths = template.frame(len(texts) > 1), list(map(len, texts))
    tokens = sum(lengths)
    if max_length is None or tokens + len(frame) <= max_length:
        return frame.join(texts, template.lone), [(0, length) for length in lengths]
    counts = kept_lengths(lengths, max_length - len(frame), template.odd_to_first)
    kept = [kept_range(length, count, truncation_side) for length, count in zip(lengths, counts, strict=True)]
    parts = [text[first:last] for text, (first, last) in zip(texts, kept, strict=True)]
    return frame.join(parts, template.lone, tokens - sum(counts)), kept


def _offsets(made: ModelInput, pieces: Sequence[Encoding], kept: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    offsets = [(0, 0)] * len(made.ids)
    for (start, end), one, (first, last) in zip(made.places, pieces, kept, strict=True):
        offsets[start:end] = one.offsets[first:last]
    return offsets


def _encoded(tokenizer: Tokenizer, texts: Iterator[str]) -> Iterator[list[int]]:
    block = tokenizer.encode_lines(texts)
    ids, ends = block.ids.tolist(), np.cumsum(block.lengths).tolist()
    return (ids[start:end] for start, end in zip([0, *ends], ends, strict=False))
