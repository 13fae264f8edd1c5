"""Batches of examples of similar length, with little padding. Pure functions of the lengths and the seed's keys."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from jptransfer.training.randomness import generator
from jptransfer.training.types import Batch

Piece = tuple[tuple[int, int], np.ndarray]
"""((part, number within the part), example indices of one forward pass)."""


def token_batches(lengths: np.ndarray, batch_tokens: int, parts: int, *keys: int) -> list[Batch]:
    """Return batches of about `batch_tokens` tokens, padding included.

    A part holds examples of similar length, at most ``batch_tokens / parts`` tokens. A batch is `parts` random parts,
    so that each update sees several lengths.

    Args:
        lengths: number of tokens of every example.
        batch_tokens, parts: see above. An example that exceeds a part's budget forms its own part.
        keys: seed and epoch.
    """
    random = generator(*keys)
    order = random.permutation(len(lengths))
    order = order[np.argsort(-lengths[order], kind="stable")]
    budget = max(1, batch_tokens // parts)
    cuts = [0]
    while cuts[-1] < len(order):
        cuts.append(cuts[-1] + max(1, budget // int(lengths[order[cuts[-1]]])))
    pieces = np.split(order, cuts[1:-1]) if len(order) else []
    shuffled = [pieces[i] for i in random.permutation(len(pieces))]
    return [shuffled[i:i + parts] for i in range(0, len(shuffled), parts)]


def alike_batches(lengths: np.ndarray, batch_size: int, *keys: int) -> list[Batch]:
    """Return batches of `batch_size` examples of similar length, one part each, in random order.

    Examples of equal length are shuffled. On short texts this trains twice as many examples per second as random
    batches of four parts.
    """
    random = generator(*keys)
    order = random.permutation(len(lengths))
    order = order[np.argsort(lengths[order], kind="stable")]
    batches = [[order[start:start + batch_size]] for start in range(0, len(order), batch_size)]
    return [batches[i] for i in random.permutation(len(batches))]


def padding_share(lengths: np.ndarray, batches: Sequence[Batch]) -> float:
    """Return the share of positions that hold padding when every part is padded to its longest example."""
    widths = sum(len(part) * int(lengths[part].max()) for batch in batches for part in batch)
    return 1.0 - float(sum(lengths[part].sum() for batch in batches for part in batch)) / max(1, widths)


def pieces_of(batch: Batch, lengths: np.ndarray, limit: int | None, world: int) -> list[Piece]:
    """Split the parts of a global batch into forward passes of at most `limit` tokens, at least one per process."""
    pieces: list[Piece] = []
    for part, indices in enumerate(batch):
        tokens = len(indices) * int(lengths[indices].max())
        wanted = max(math.ceil(tokens / limit) if limit else 1, math.ceil(world / len(batch)))
        cut = np.array_split(indices, min(wanted, len(indices)))
        pieces += [((part, number), piece) for number, piece in enumerate(cut)]
    return pieces
