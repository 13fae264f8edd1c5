"""Paired tests of two systems on the same examples, each with one run or several seeds.

The unit that is exchanged is an example with all its seeds: runs of one system on one example are not independent.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from jptransfer.errors import ConfigError
from jptransfer.evaluation.bootstrap import Value, blocks, patterns

TOLERANCE = 1e-12


@dataclass(frozen=True)
class Test:
    """A test's name and its two-sided p-value."""

    name: str
    p_value: float


def paired(a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return both (seeds, examples, ...) with the same number of seeds.

    A single run (a model without randomness) stands beside each of the other's seeds.

    Raises:
        ConfigError: both have several seeds, and not the same number.
    """
    if len(a) != len(b) and 1 not in (len(a), len(b)):
        raise ConfigError(f"A has {len(a)} runs and B has {len(b)}; a paired test needs as many of each (or one)")
    seeds = max(len(a), len(b))
    return np.broadcast_to(a, (seeds, *a.shape[1:])), np.broadcast_to(b, (seeds, *b.shape[1:]))


def approximate_randomization(a: np.ndarray, b: np.ndarray, value: Value, trials: int, seed: int) -> float:
    """Return the two-sided p-value of the difference of mean scores (Noreen 1989; Yeh 2000).

    In each trial every example is exchanged between the systems with probability 1/2; p is (n + 1) / (trials + 1)
    where n trials differ at least as much as the systems do. Only what an example would move from one system to the
    other matters: examples that move the same are drawn together, and those that move nothing not at all.

    Args:
        a, b: (seeds, examples, columns) counts.
        value: (..., columns) sums -> (...) scores.
    """
    a, b = paired(a, b)
    total_a, total_b = a.sum(axis=1), b.sum(axis=1)
    gains = patterns((b - a)[:, (a != b).any(axis=(0, 2))])

    def distance(moved: np.ndarray) -> np.ndarray:
        return np.abs((value(total_b - moved) - value(total_a + moved)).mean(axis=-1))

    observed = distance(np.zeros(total_a.shape)) - TOLERANCE
    draws = _exchanges(gains.sizes, trials, seed)
    extreme = sum(int((distance(gains.sums(drawn)) >= observed).sum()) for drawn in draws)
    return (extreme + 1) / (trials + 1)


def _exchanges(sizes: np.ndarray, trials: int, seed: int) -> Iterator[np.ndarray]:
    """Yield blocks of (trials, sizes) draws from Binomial(size, 1/2): small ones as set bits, ten times as fast."""
    bits, rng = np.random.default_rng(seed).spawn(2)
    small = sizes <= 64
    unused = (64 - sizes[small]).astype(np.uint64)
    for rows in blocks(trials, len(sizes)):
        drawn = np.empty((rows, len(sizes)))
        words = bits.integers(2**64, size=(rows, len(unused)), dtype=np.uint64)
        drawn[:, small] = np.bitwise_count(words >> unused)
        drawn[:, ~small] = rng.binomial(sizes[~small], 0.5, size=(rows, len(sizes) - len(unused)))
        yield drawn


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
