"""Which documents a corpus takes: a uniform sample within a byte budget, and splits, both by hash of the text.

A document's place in the sample and its split depend on its text and the seed alone, so they stay as they are when
other documents are added (a sample gives up some to make room, a split only grows).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import numpy as np

BINS = 1 << 16
Chunks = Callable[[], Iterable[tuple[np.ndarray, np.ndarray]]]


def priorities(digests: np.ndarray, seed: int, purpose: str) -> np.ndarray:
    """Return a uniform uint64 for each digest (n, 2): splitmix64's finaliser over digest, seed and purpose."""
    salt = int.from_bytes(purpose.encode()[:8], "little") ^ (seed * 0x9E3779B97F4A7C15)
    value = digests[:, 0] ^ np.uint64(salt & 0xFFFFFFFFFFFFFFFF)
    value = (value ^ (value >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    value = (value ^ (value >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return value ^ (value >> np.uint64(31)) ^ digests[:, 1]


def threshold(chunks: Chunks, budget: int) -> int:
    """Return the largest t such that the documents with a priority below t fit into `budget` bytes together.

    Two passes over `chunks()` (pairs of priorities and sizes, in pieces): a histogram of sizes over the priorities'
    upper 16 bits tells in which bin the budget ends, and only that bin's documents, 1/65,536 of all, are sorted.
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
    """Divide a budget of bytes among sources by weight; what a source cannot fill goes to the others by their weights.

    Args:
        sizes: bytes each source has. `weights`, `limits`: of each source; a limit is never exceeded.
        budget: bytes of all together; none: every source gives all its limit allows.
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
    """Return the number of each document's split: 0 for the rest (train), then 1, 2, … in the order of `fractions`."""
    position = priorities(digests, seed, "split") / float(1 << 64)
    borders = np.cumsum(fractions)
    inside = np.searchsorted(borders, position, "right")
    return np.where(inside < len(borders), inside + 1, 0).astype(np.uint8)
