"""Paired tests of two systems on the same examples, each with one run or several seeds.

The unit that is exchanged is an example with all its seeds: runs of one system on one example are not independent.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from jptransfer.evaluation.samples import Sample, paired, paired_runs

TOLERANCE = 1e-12
"""Rounding, relative to the larger of 1 and the scores: a difference within it is the same difference."""


@dataclass(frozen=True)
class Test:
    """A test's name and its two-sided p-value."""

    name: str
    p_value: float


def approximate_randomization(a: Sample, b: Sample, trials: int, seed: int) -> float:
    """Return the two-sided p-value of the difference of mean scores (Noreen 1989; Yeh 2000).

    In each trial every example is exchanged between the systems with probability 1/2; p is (n + 1) / (trials + 1)
    where n trials differ at least as much as the systems do. Correlations exchange ranks or standardised numbers.
    """
    pairs = paired_runs(a.scores.tolist(), b.scores.tolist())
    size = max(1.0, *(abs(score) for pair in pairs for score in pair))  # sums of large numbers round more
    observed = abs(float(np.mean([two - one for one, two in pairs]))) - TOLERANCE * size
    extreme = sum(int((np.abs(differences) >= observed).sum()) for differences in a.exchanged(b, trials, seed))
    return (extreme + 1) / (trials + 1)


@dataclass(frozen=True)
class McNemar:
    """McNemar's test of equal accuracy.

    Attributes:
        a_better, b_better: examples that more of A's (B's) seeds get right.
        exact: p-value from the exact distribution (binomial for a single run).
        corrected: p-value from chi-squared with continuity correction.
    """

    a_better: int
    b_better: int
    exact: float
    corrected: float


def mcnemar(a: np.ndarray, b: np.ndarray) -> McNemar:
    """Test whether two classifiers are right equally often (McNemar 1947).

    With several seeds it is the clustered test of Durkalski et al. (2003), whose clusters are the examples: d, the
    number of b's seeds that are right less a's, takes the place of ±1 in sum(d)² / sum(d²). The exact test flips the
    signs of the d. With one seed it is the classical test.

    Args:
        a, b: (seeds, examples) bool, whether each run is right.
    """
    a, b = paired(a, b)
    differences = b.sum(axis=0, dtype=np.int64) - a.sum(axis=0, dtype=np.int64)
    differences = differences[differences != 0]
    differences //= np.gcd.reduce(differences, initial=0) or 1  # copies of a run are no evidence
    total = abs(int(differences.sum()))
    statistic = max(total - 1, 0) ** 2 / float(max(1, (differences**2).sum()))
    return McNemar(
        a_better=int((differences < 0).sum()),
        b_better=int((differences > 0).sum()),
        exact=_sign_flip(np.abs(differences), total),
        corrected=math.erfc(math.sqrt(statistic / 2)),
    )


def _sign_flip(sizes: np.ndarray, total: int) -> float:
    """Probability that `sizes` with random signs sum to at least `total` in absolute value."""
    distribution, low = np.ones(1), 0
    for size, count in zip(*np.unique(sizes, return_counts=True), strict=True):
        first, masses = _binomial(int(count))
        spaced = np.zeros((len(masses) - 1) * 2 * size + 1)
        spaced[:: 2 * size] = masses
        distribution = np.convolve(distribution, spaced)
        low += int(size) * (2 * first - int(count))
    sums = low + np.arange(len(distribution))
    return min(1.0, float(distribution[np.abs(sums) >= total].sum()))


def _binomial(count: int) -> tuple[int, np.ndarray]:
    """Masses of Binomial(`count`, 1/2) that a float can hold, and the number of successes of the first."""
    logs = np.array([math.lgamma(k + 1) + math.lgamma(count - k + 1) for k in range(count + 1)])
    masses = np.exp(math.lgamma(count + 1) - logs - count * math.log(2))
    kept = np.flatnonzero(masses)
    return int(kept[0]), masses[kept[0] : kept[-1] + 1]
