"""Intervals of scores: over the examples, and, where there are several runs, over the seeds too.

Of a single run it is the percentile bootstrap over examples (Efron & Tibshirani 1993, chapter 13). With several seeds a
score has two sources of error, the examples and the seeds. Their variances are added, that of the mean over seeds and
the bootstrap's over examples; Student's t takes the degrees of freedom of Welch (1947) and Satterthwaite (1946).

Examples with the same counts are interchangeable, so a resample is one draw from a multinomial distribution over the
distinct rows of counts: exact, and far cheaper than drawing examples.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from scipy.special import stdtrit

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


def interval(counts: np.ndarray, value: Value, resamples: int, confidence: float, seed: int,
             bounds: Interval = (-math.inf, math.inf)) -> Interval:
    """Return the interval of the mean score of runs, over examples and, of several runs, seeds.

    Args:
        counts: (runs, examples, columns) integers.
        bounds: least and greatest score that there can be.
    """
    runs = Runs(value(counts.sum(axis=1)), resampled_scores(counts, value, resamples, seed))
    low, high = _over_seeds([runs], confidence)
    return max(low, bounds[0]), min(high, bounds[1])


def difference_interval(
    a: np.ndarray, b: np.ndarray, value: Value, resamples: int, confidence: float, seed: int
) -> Interval:
    """Return the interval of b's mean score less a's, both (runs, examples, columns) on the same examples.

    The seeds of A and B are independent of each other: equal numbers do not make two runs a pair.
    """
    resampled = resampled_scores(np.concatenate([a, b]), value, resamples, seed)
    minuend = Runs(value(b.sum(axis=1)), resampled[:, len(a):])
    return _over_seeds([minuend, Runs(-value(a.sum(axis=1)), -resampled[:, :len(a)])], confidence)


def covers_seeds(*runs: int) -> bool:
    """Tell whether an interval of systems with these numbers of runs is over seeds as well as over examples."""
    return max(runs) > 1


def sources(*runs: int) -> str:
    """Return what the interval of systems with these numbers of runs covers, in words."""
    return "examples and seeds" if covers_seeds(*runs) else "examples"


@dataclass(frozen=True)
class Runs:
    """The runs of one system: their scores (runs,), and those on resampled examples (resamples, runs)."""

    scores: np.ndarray
    resampled: np.ndarray

    @property
    def variance(self) -> float:
        """Variance of the mean score as the runs' own spread has it; 0 of a single run."""
        return float(self.scores.var(ddof=1)) / len(self.scores) if len(self.scores) > 1 else 0.0

    @property
    def of_seeds(self) -> float:
        """The part of `variance` that comes from the seeds.

        Runs also differ because each errs on other examples. That part is in the bootstrap over examples already: it is
        the variance that the runs' distances from their mean have there.
        """
        count = len(self.scores)
        apart = self.resampled - self.resampled.mean(axis=1, keepdims=True)
        by_examples = float(apart.var(axis=0, ddof=1).sum()) / max(1, count - 1) / count
        return max(0.0, self.variance - by_examples)


def _over_seeds(sides: list[Runs], confidence: float) -> Interval:
    """Return the interval of the sum of the sides' mean scores."""
    resampled = sum(side.resampled.mean(axis=1) for side in sides)
    several = [side for side in sides if side.variance]
    if not several:
        return percentiles(np.asarray(resampled), confidence)
    total = float(np.var(resampled, ddof=1)) + sum(side.of_seeds for side in several)
    # What is uncertain is the spread of few runs, with or without the part that is subtracted.
    freedom = total**2 / sum(side.variance**2 / (len(side.scores) - 1) for side in several)
    half = float(stdtrit(freedom, (1 + confidence) / 2)) * math.sqrt(total)
    middle = float(sum(side.scores.mean() for side in sides))
    return middle - half, middle + half
