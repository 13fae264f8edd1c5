"""Paired tests: ours against scipy's permutation test and a plain Python loop, in turns, equal p-values demanded first.

python benchmarks/significance.py [--examples N] [--rounds R]

Work on made-up outcomes of two systems: accuracy of one run each (scipy's vectorised test), macro F1 of one run each (a
loop over trials with numpy inside), entity F1 of three seeds each (a loop in plain Python). The loops are given fewer
trials, and so are we beside them.
"""

from __future__ import annotations

import argparse
import os
import random
from collections.abc import Callable
from functools import partial

os.environ["OMP_NUM_THREADS"] = "1"

import numpy as np
import scipy.stats
from harness import compare, cpu_seconds, heading, in_turns, median, parser, row

from jptransfer.evaluation.samples import SumSample
from jptransfer.evaluation.significance import approximate_randomization
from jptransfer.registry import METRICS
from jptransfer.tasks.outcomes import LabelOutcomes

LABELS = ["悪い", "普通", "良い"]


def main() -> None:
    arguments = parse()
    works = [
        ("accuracy, 1 run, 10,000 trials", "scipy.stats.permutation_test", *accuracy(arguments.examples, 10_000)),
        ("macro F1, 1 run, 1,000 trials", "loop over trials in numpy", *macro_f1(arguments.examples, 1_000)),
        ("entity F1, 3 seeds, 200 trials", "loop in plain Python", *entity_f1(arguments.examples, 200)),
        ("entity F1, 3 seeds, 10,000 trials", "", *entity_f1(arguments.examples, 10_000)),
    ]
    heading(f"{arguments.examples:,} examples, CPU time of one thread")
    for label, peer, ours, theirs in works:
        if not peer:
            row(label, median(in_turns({"ours": partial(cpu_seconds, ours)}, arguments.rounds)["ours"], "s"))
            continue
        p_values = ours(), theirs()
        assert abs(p_values[0] - p_values[1]) < 0.12, p_values  # the loops' few trials allow no less
        times = in_turns({"ours": partial(cpu_seconds, ours), "peer": partial(cpu_seconds, theirs)}, arguments.rounds)
        compare(f"{label}; p = {p_values[0]:.3f}, {p_values[1]:.3f}", "s", times["ours"], peer, times["peer"])


def parse() -> argparse.Namespace:
    made = parser(__doc__, rounds=5)
    made.add_argument("--examples", type=int, default=5000)
    return made.parse_args()


def labelled(examples: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Gold, and answers of two systems that are right 80 and 81% of the time, as indices of `LABELS`."""
    rng = np.random.default_rng(1)
    gold = rng.integers(0, len(LABELS), examples)
    other = (gold + rng.integers(1, len(LABELS), (2, examples))) % len(LABELS)
    right = rng.random((2, examples)) < np.array([[0.80], [0.81]])
    return gold, *np.where(right, gold, other)


def counts_of(name: str, gold: np.ndarray, predicted: np.ndarray) -> np.ndarray:
    names = np.array(LABELS)
    outcomes = LabelOutcomes(names[gold].tolist(), names[predicted].tolist(), LABELS)
    return METRICS.load(name).counts(outcomes)


def accuracy(examples: int, trials: int) -> tuple[Callable[[], float], Callable[[], float]]:
    gold, a, b = labelled(examples)
    counts = [counts_of("accuracy", gold, answers)[None] for answers in (a, b)]
    value = METRICS.load("accuracy").value
    hits = (a == gold).astype(float), (b == gold).astype(float)

    def theirs() -> float:
        return scipy.stats.permutation_test(
            hits, lambda x, y, axis: x.mean(axis=axis) - y.mean(axis=axis), permutation_type="samples",
            vectorized=True, n_resamples=trials, batch=500, rng=0).pvalue

    return lambda: approximate_randomization(*(SumSample(one, value) for one in counts), trials, seed=0), theirs


def macro_f1(examples: int, trials: int) -> tuple[Callable[[], float], Callable[[], float]]:
    gold, a, b = labelled(examples)
    counts = [counts_of("macro_f1", gold, answers)[None] for answers in (a, b)]
    value = METRICS.load("macro_f1").value

    def score(predicted: np.ndarray) -> float:
        both = [(np.sum((gold == k) & (predicted == k)), np.sum(gold == k) + np.sum(predicted == k)) for k in range(3)]
        return float(np.mean([2 * right / decided for right, decided in both]))

    def theirs() -> float:
        rng = np.random.default_rng(0)
        observed, extreme = abs(score(b) - score(a)), 0
        for _ in range(trials):
            swap = rng.random(examples) < 0.5
            extreme += abs(score(np.where(swap, a, b)) - score(np.where(swap, b, a))) >= observed - 1e-12
        return (extreme + 1) / (trials + 1)

    return lambda: approximate_randomization(*(SumSample(one, value) for one in counts), trials, seed=0), theirs


def entity_f1(examples: int, trials: int) -> tuple[Callable[[], float], Callable[[], float]]:
    rng = np.random.default_rng(2)
    gold = rng.poisson(2, examples)

    def run(share: float) -> np.ndarray:
        right = rng.binomial(gold, share)
        return np.stack([right, right + rng.poisson(0.3, examples), gold], axis=1)

    a, b = np.stack([run(0.80) for _ in range(3)]), np.stack([run(0.805) for _ in range(3)])
    rows = list(zip(a.transpose(1, 0, 2).tolist(), b.transpose(1, 0, 2).tolist(), strict=True))

    def mean_f1(chosen: list) -> float:
        scores = []
        for seed in range(3):
            right, found, there = (sum(row[seed][column] for row in chosen) for column in range(3))
            scores.append(2 * right / (found + there))
        return sum(scores) / 3

    def theirs() -> float:
        draw = random.Random(0)
        observed, extreme = abs(mean_f1([y for _, y in rows]) - mean_f1([x for x, _ in rows])), 0
        for _ in range(trials):
            pairs = [(y, x) if draw.random() < 0.5 else (x, y) for x, y in rows]
            extreme += abs(mean_f1([y for _, y in pairs]) - mean_f1([x for x, _ in pairs])) >= observed - 1e-12
        return (extreme + 1) / (trials + 1)

    ours = [SumSample(one, METRICS.load("entity_f1").value) for one in (a, b)]
    return lambda: approximate_randomization(*ours, trials, seed=0), theirs


if __name__ == "__main__":
    main()
