"""Select the documents of a corpus: a uniform sample within a byte budget, and splits, both by a hash of the text.

A document's priority in the sample and its split depend only on its text and the seed. Adding other documents does not
change them (a sample drops some documents to make room, a split only grows).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import numpy as np

BINS = 1 << 16
Chunks = Callable[[], Iterable[tuple[np.ndarray, np.ndarray]]]


def priorities(digests: np.ndarray, seed: int, purpose: str) -> np.ndarray:
    """Return a uniform uint64 per digest (n, 2): splitmix64's finaliser over digest, seed and purpose."""
    salt = int.from_bytes(purpose.encode()[:8], "little") ^ (seed * 0x9E3779B97F4A7C15)
    value = digests[:, 0] ^ np.uint64(salt & 0xFFFFFFFFFFFFFFFF)
    value = (value ^ (value >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    value = (value ^ (value >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return value ^ (value >> np.uint64(31)) ^ digests[:, 1]


def threshold(chunks: Chunks, budget: int) -> int:
    """Return the largest t such that all documents with a priority below t fit into `budget` bytes.

    This takes two passes over `chunks()` (pieces of priorities and sizes). A histogram of sizes over the upper 16 bits
    of the priorities gives the bin in which the budget ends; only the documents of this bin, about 1/65,536, are
    sorted.
    """
    histogram = np.zeros(BINS)
    for priority, size in chunks():
        histogram += np.bincount((priority >> np.uint64(48)).astype(np.int64), size, BINS)
    totals = np.cumsum(histogram)
    if totals[-1] <= budget:
        return 1 << 64
    crossing = int(np.searchsorted(totals, budget, "right"))
    left = budget - int(totals[crossing - 1] if crossing else 0)
    members = [(priority[inside], size[inside]) for priority, size in chunks()
               for inside in [(priority >> np.uint64(48)) == crossing]]
    priority, size = (np.concatenate(column) for column in zip(*members, strict=True))
    order = np.argsort(priority, kind="stable")
    over = int(np.argmax(np.cumsum(size[order].astype(np.int64)) > left))
    return int(priority[order][over])


def shares(sizes: dict[str, int], weights: dict[str, float], limits: dict[str, int | None],
           budget: int | None) -> dict[str, int]:
    """Divide a budget of bytes among sources by weight; unused shares go to the other sources by their weights.

    Args:
        sizes: size of each source in bytes.
        weights, limits: weight and maximum share in bytes of each source.
        budget: total number of bytes; None: every source is used up to its limit.

    Returns:
        Source -> bytes.
    """
    most = {name: min(size, limits[name] or size) for name, size in sizes.items()}
    if budget is None:
        return most
    given: dict[str, int] = {}
    while open_sources := {name: weights[name] for name in most if name not in given}:
        left, total = budget - sum(given.values()), sum(open_sources.values())
        fair = {name: int(left * weight / total) if total else 0 for name, weight in open_sources.items()}
        full = {name: most[name] for name in fair if most[name] <= fair[name]}
        given |= full or fair
    return given


def split_codes(digests: np.ndarray, seed: int, fractions: Sequence[float]) -> np.ndarray:
    """Return each document's split: 1, 2, … in the order of `fractions`, and 0 (train) for the remaining documents."""
    position = priorities(digests, seed, "split") / float(1 << 64)
    borders = np.cumsum(fractions)
    inside = np.searchsorted(borders, position, "right")
    return np.where(inside < len(borders), inside + 1, 0).astype(np.uint8)
