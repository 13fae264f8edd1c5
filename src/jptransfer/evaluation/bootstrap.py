"""Intervals of scores: over the examples, and, where there are several runs, over the seeds too.

Of a single run it is the percentile bootstrap over examples (Efron & Tibshirani 1993, chapter 13). With several seeds a
score has two sources of error, the examples and the seeds. Their variances are added, that of the mean over seeds and
the bootstrap's over examples; Student's t takes the degrees of freedom of Welch (1947) and Satterthwaite (1946).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.special import stdtrit

from jptransfer.evaluation.samples import Sample

Interval = tuple[float, float]


def percentiles(scores: np.ndarray, confidence: float) -> Interval:
    """Return the central interval that holds `confidence` of (resamples,) scores."""
    low, high = np.quantile(scores, [(1 - confidence) / 2, (1 + confidence) / 2])
    return float(low), float(high)


def interval(sample: Sample, resamples: int, confidence: float, seed: int,
             bounds: Interval = (-math.inf, math.inf)) -> Interval:
    """Return the interval of the mean score of runs, over examples and, of several runs, seeds.

    Args:
        sample: the runs.
        bounds: least and greatest score that there can be.
    """
    low, high = _over_seeds([Runs(sample.scores, sample.resampled(resamples, seed))], confidence)
    return max(low, bounds[0]), min(high, bounds[1])


def difference_interval(a: Sample, b: Sample, resamples: int, confidence: float, seed: int) -> Interval:
    """Return the interval of b's mean score less a's, both on the same examples.

    The seeds of A and B are independent of each other: equal numbers do not make two runs a pair.
    """
    resampled, first = a.joined(b).resampled(resamples, seed), len(a.scores)
    return _over_seeds([Runs(b.scores, resampled[:, first:]), Runs(-a.scores, -resampled[:, :first])], confidence)


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
