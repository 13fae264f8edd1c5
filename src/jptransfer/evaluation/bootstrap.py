"""Percentile bootstrap over examples (Efron & Tibshirani 1993, chapter 13).

Examples with the same counts are interchangeable, so a resample is one draw from a multinomial distribution over the
distinct rows of counts: exact, and far cheaper than drawing examples.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

BLOCK = 1 << 22
"""Numbers drawn at a time: bounds the memory, does not change the outcome."""

Value = Callable[[np.ndarray], np.ndarray]
Interval = tuple[float, float]


@dataclass(frozen=True)
class Patterns:
    """Examples grouped by what all systems made of them.

    Attributes:
        counts: (patterns, systems, columns) the distinct rows, float64 for fast products (sums stay exact).
        sizes: (patterns,) examples that have them.
    """

    counts: np.ndarray
    sizes: np.ndarray

    def sums(self, weights: np.ndarray) -> np.ndarray:
        """Return counts summed with (trials, patterns) weights: (trials, systems, columns)."""
        shape = self.counts.shape[1:]
        flat = weights.astype(float) @ self.counts.reshape(len(self.sizes), math.prod(shape))
        return flat.reshape(len(weights), *shape)


def patterns(counts: np.ndarray) -> Patterns:
    """Group (systems, examples, columns) counts by example."""
    systems, examples, columns = counts.shape
    rows = np.ascontiguousarray(counts.transpose(1, 0, 2)).reshape(examples, systems * columns)
    distinct, sizes = np.unique(rows, axis=0, return_counts=True)
    return Patterns(distinct.reshape(len(sizes), systems, columns).astype(float), sizes)


def blocks(trials: int, width: int) -> Iterator[int]:
    """Cut `trials` rows of `width` numbers into numbers of rows that fit `BLOCK`."""
    step = max(1, BLOCK // max(1, width))
    for start in range(0, trials, step):
        yield min(step, trials - start)


def resampled_scores(counts: np.ndarray, value: Value, resamples: int, seed: int) -> np.ndarray:
    """Score resamples of the examples, the same ones for all systems.

    Args:
        counts: (systems, examples, columns) integers; a system is one run (seed) of one model.
        value: (..., columns) sums -> (...) scores.

    Returns:
        (resamples, systems) scores.
    """
    rng = np.random.default_rng(seed)
    grouped = patterns(counts)
    examples = int(grouped.sizes.sum())
    shares = grouped.sizes / examples
    draws = (rng.multinomial(examples, shares, size=rows) for rows in blocks(resamples, len(shares)))
    return np.concatenate([value(grouped.sums(weights)) for weights in draws])


def percentiles(scores: np.ndarray, confidence: float) -> Interval:
    """Return the central interval that holds `confidence` of (resamples,) scores."""
    low, high = np.quantile(scores, [(1 - confidence) / 2, (1 + confidence) / 2])
    return float(low), float(high)


def interval(counts: np.ndarray, value: Value, resamples: int, confidence: float, seed: int) -> Interval:
    """Return the interval of the score, averaged over systems (see `resampled_scores`)."""
    return percentiles(resampled_scores(counts, value, resamples, seed).mean(axis=1), confidence)


def difference_interval(
    a: np.ndarray, b: np.ndarray, value: Value, resamples: int, confidence: float, seed: int
) -> Interval:
    """Return the interval of b's mean score less a's, both (systems, examples, columns) on the same examples."""
    scores = resampled_scores(np.concatenate([a, b]), value, resamples, seed)
    return percentiles(scores[:, len(a):].mean(axis=1) - scores[:, : len(a)].mean(axis=1), confidence)
