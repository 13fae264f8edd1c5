"""Scores of several systems on the same examples, resampled (bootstrap) and exchanged (paired tests).

A sum's examples with the same counts are interchangeable, so a resample is one draw from a multinomial distribution
over the distinct rows of counts: exact, and far cheaper than drawing examples. A statistic is computed from the drawn
examples themselves.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, Self, TypeVar

import numpy as np

from jptransfer.errors import ConfigError

BLOCK = 1 << 22
"""Numbers drawn at a time: bounds the memory, does not change the outcome."""

Value = Callable[[np.ndarray], np.ndarray]
Statistic = Callable[[Any, np.ndarray], np.ndarray]


class Sample(Protocol):
    """One metric's scores of systems (a system is one run of one model) on the same examples."""

    @property
    def scores(self) -> np.ndarray:
        """The score of each system, (systems,)."""

    def joined(self, other: Self) -> Self:
        """Return these systems followed by the other ones, on the same examples."""

    def resampled(self, resamples: int, seed: int) -> np.ndarray:
        """Return scores on resamples of the examples, the same ones for all systems: (resamples, systems)."""

    def exchanged(self, other: Self, trials: int, seed: int) -> Iterator[np.ndarray]:
        """Yield blocks of (trials,) differences of the other's mean score less this one's.

        In each trial every example, with all its runs, is exchanged between both sides with probability 1/2.
        """


@dataclass(frozen=True)
class SumSample:
    """A score that is a function of sums (see `Sample`).

    Attributes:
        counts: (systems, examples, columns) numbers that add up over examples.
        value: (..., columns) sums -> (...) scores.
    """

    counts: np.ndarray
    value: Value

    @property
    def scores(self) -> np.ndarray:
        """See `Sample`."""
        return self.value(self.counts.sum(axis=1))

    def joined(self, other: Self) -> SumSample:
        """See `Sample`."""
        return SumSample(np.concatenate([self.counts, other.counts]), self.value)

    def resampled(self, resamples: int, seed: int) -> np.ndarray:
        """See `Sample`."""
        rng = np.random.default_rng(seed)
        grouped = patterns(self.counts)
        examples = int(grouped.sizes.sum())
        shares = grouped.sizes / examples
        draws = (rng.multinomial(examples, shares, size=rows) for rows in blocks(resamples, len(shares)))
        return np.concatenate([self.value(grouped.sums(weights)) for weights in draws])

    def exchanged(self, other: Self, trials: int, seed: int) -> Iterator[np.ndarray]:
        """See `Sample`.

        Only what an example would move from one system to the other matters: examples that move the same are drawn
        together, and those that move nothing not at all.
        """
        a, b = paired(self.counts, other.counts)
        total_a, total_b = a.sum(axis=1), b.sum(axis=1)
        gains = patterns((b - a)[:, (a != b).any(axis=(0, 2))])
        for drawn in exchanges(gains.sizes, trials, seed):
            moved = gains.sums(drawn)
            yield (self.value(total_b - moved) - self.value(total_a + moved)).mean(axis=-1)


@dataclass(frozen=True)
class StatisticSample:
    """Any statistic of the examples (see `Sample`).

    Attributes:
        runs: the outcomes of each system, which can be joined.
        of: outcomes, (..., n) positions of examples -> (...) scores.
        comparable: outcomes of a system -> the same on a scale that all systems share, with the same score.
    """

    runs: tuple[Any, ...]
    of: Statistic
    comparable: Callable[[Any], Any]

    @property
    def scores(self) -> np.ndarray:
        """See `Sample`."""
        return np.array([self.of(run, np.arange(len(run))) for run in self.runs])

    def joined(self, other: Self) -> StatisticSample:
        """See `Sample`."""
        return StatisticSample((*self.runs, *other.runs), self.of, self.comparable)

    def resampled(self, resamples: int, seed: int) -> np.ndarray:
        """See `Sample`."""
        rng, examples = np.random.default_rng(seed), len(self.runs[0])
        draws = (rng.integers(examples, size=(rows, examples)) for rows in blocks(resamples, examples))
        return np.concatenate([np.stack([self.of(run, index) for run in self.runs], axis=-1) for index in draws])

    def exchanged(self, other: Self, trials: int, seed: int) -> Iterator[np.ndarray]:
        """See `Sample`. Answers are exchanged on a common scale, see `comparable`.

        Otherwise the exchange of two systems that answer on different scales would mix the scales, and their scores
        would differ less than those of any mixture: p would be near 1 whatever the systems are worth.
        """
        rng, examples = np.random.default_rng(seed), len(self.runs[0])
        pairs = [self.comparable(one).joined(self.comparable(two)) for one, two in paired_runs(self.runs, other.runs)]
        for rows in blocks(trials, examples):
            moved = examples * rng.integers(2, size=(rows, examples))
            a, b = np.arange(examples) + moved, np.arange(examples) + examples - moved
            yield np.mean([self.of(both, b) - self.of(both, a) for both in pairs], axis=0)


Item = TypeVar("Item")


def paired_runs(a: Sequence[Item], b: Sequence[Item]) -> list[tuple[Item, Item]]:
    """Return the runs of two systems side by side.

    A single run (a model without randomness) is paired with each of the other's seeds.

    Raises:
        ConfigError: both have several seeds, and not the same number.
    """
    if len(a) != len(b) and 1 not in (len(a), len(b)):
        raise ConfigError(f"A has {len(a)} runs and B has {len(b)}; a paired test needs as many of each (or one)")
    seeds = max(len(a), len(b))
    return [(a[i % len(a)], b[i % len(b)]) for i in range(seeds)]


def paired(a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return both (seeds, examples, ...) with the same number of seeds, see `paired_runs`."""
    pairs = paired_runs(list(a), list(b))
    return np.stack([one for one, _ in pairs]), np.stack([two for _, two in pairs])


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


def exchanges(sizes: np.ndarray, trials: int, seed: int) -> Iterator[np.ndarray]:
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
