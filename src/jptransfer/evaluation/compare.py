"""Does B do better than A? The difference of two systems on the same examples, its interval, and paired tests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from jptransfer.config import CompareConfig, RolesConfig
from jptransfer.errors import ConfigError
from jptransfer.evaluation.aggregate import Aggregate, aggregate
from jptransfer.evaluation.bootstrap import Interval, covers_seeds, difference_interval, sources
from jptransfer.evaluation.errors import Difference, differences
from jptransfer.evaluation.metrics import SumMetric, fits, load_metric
from jptransfer.evaluation.predictions import Predictions, check_same_examples, load_evaluation
from jptransfer.evaluation.significance import Test, approximate_randomization, mcnemar
from jptransfer.registry import METRICS
from jptransfer.tasks.outcomes import DecisionOutcomes, precision_recall_f1


@dataclass(frozen=True)
class LabelGain:
    """F1 of one label or entity type in two systems (means over seeds), and how often it is in the gold."""

    label: str
    a: float
    b: float
    support: int

    @property
    def difference(self) -> float:
        """B's F1 less A's."""
        return self.b - self.a


@dataclass(frozen=True)
class Comparison:
    """Two systems, each one run or one run a seed, on the same examples.

    Attributes:
        metric: its name; `higher_is_better` says which way is up.
        examples: number of examples in `split`.
        a, b: scores over seeds.
        difference: mean of B less mean of A.
        interval: of the difference, over examples and, of several runs, seeds; None if none was asked for.
        confidence: its level.
        tests: paired two-sided tests over examples, with the seeds that were run; the first is of `metric` itself.
        collapsed: runs that give one answer to everything: ``A, run 2: predicts only 'x'``.
        labels: F1 of each label in both systems.
        differing: examples on which one is better than the other (positive gain: B).
    """

    metric: str
    higher_is_better: bool
    split: str
    examples: int
    a: Aggregate
    b: Aggregate
    difference: float
    interval: Interval | None
    confidence: float
    tests: list[Test]
    labels: list[LabelGain]
    differing: list[Difference] = field(repr=False)
    collapsed: list[str] = field(default_factory=list)

    @property
    def p_value(self) -> float:
        """Of approximate randomisation on the metric itself."""
        return self.tests[0].p_value

    @property
    def b_is_better(self) -> bool:
        """Whether the difference is in B's favour, significant or not."""
        return self.difference > 0 if self.higher_is_better else self.difference < 0

    @property
    def significant(self) -> bool:
        """Whether p is below the complement of `confidence` and, of several seeds, there is an interval without zero.

        The test takes the seeds as they are. It would call the bad luck of one of them a difference of the systems.
        """
        return self.p_value < 1 - self.confidence and not self.hidden_by_seeds

    @property
    def hidden_by_seeds(self) -> bool:
        """Whether the difference could be one of the seeds: the interval over examples and seeds holds zero.

        Without an interval nothing is known of the seeds, so that the difference could be theirs.
        """
        if not covers_seeds(len(self.a.values), len(self.b.values)):
            return False
        return self.interval is None or self.interval[0] <= 0 <= self.interval[1]

    @property
    def doubt(self) -> str:
        """Why a difference with a small p is not called significant; empty if it is, or if p is not small."""
        if self.p_value >= 1 - self.confidence or not self.hidden_by_seeds:
            return ""
        return ("without an interval (bootstrap=0) nothing is known of other seeds" if self.interval is None else
                "other seeds could reverse it")

    def text(self, training: Mapping[str, int] | None = None) -> str:
        """Return the comparison as a few lines for the terminal; `training`: how often each label was learnt from."""
        wins = sum(d.gain > 0 for d in self.differing)
        lines = [f"{self.metric} on {self.split}, {self.examples} examples", f"  A      {self.a}", f"  B      {self.b}"]
        lines.append(f"  B - A  {self.difference:+.4f}{self._interval_text()}")
        lines += [f"  p = {test.p_value:.4g}  {test.name}" for test in self.tests]
        lines += [f"  not significant: {self.doubt}"] if self.doubt else []
        lines += [f"  {one}" for one in self.collapsed]
        lines.append(f"  B better on {wins} examples, A on {len(self.differing) - wins}")
        if self.labels:
            lines += ["  F1 by label: A, B, B - A, in the gold" + (", in the training split" if training else "")]
        width = max(map(len, (one.label for one in self.labels)), default=0)
        for one in self.labels:
            learnt = f"  {training.get(one.label, 0):7,}" if training else ""
            lines.append(f"  {one.label:<{width}}  {one.a:.4f}  {one.b:.4f}  {one.difference:+.4f}  {one.support:7,}"
                         f"{learnt}")
        return "\n".join(lines)

    def _interval_text(self) -> str:
        if self.interval is None:
            return ""
        low, high = self.interval
        over = sources(len(self.a.values), len(self.b.values))
        return f"  [{low:+.4f}, {high:+.4f}] at {self.confidence:.0%}, over {over}"


def compare(
    a: Sequence[Path],
    b: Sequence[Path],
    split: str = "test",
    metric: str = "",
    trials: int = 10_000,
    bootstrap: int = 1000,
    confidence: float = 0.95,
    seed: int = 0,
    with_mcnemar: bool = False,
) -> Comparison:
    """Compare the evaluations in folders `a` with those in `b`: one folder each, or one a seed.

    Args:
        metric: name in the registry; empty: the task's own.
        trials: of approximate randomisation. `bootstrap`: resamples of the interval, 0: none.
        with_mcnemar: whether accuracy is tested by McNemar's test as well (classification).

    Raises:
        ConfigError: a metric that does not fit the task, a split that was not scored, unequal numbers of seeds.
        ArtifactError: folders that hold no evaluations, or evaluations of different examples.
    """
    if not a or not b:
        raise ConfigError("a comparison needs at least one evaluation on each side")
    if metric:
        METRICS.check(metric)
    runs = [load_evaluation(folder).predictions(split) for folder in (*a, *b)]
    check_same_examples(runs)
    chosen = load_metric(metric, runs[0].task)
    runs_a, runs_b = runs[: len(a)], runs[len(a):]
    sample_a, sample_b = (chosen.sample([run.outcomes for run in side]) for side in (runs_a, runs_b))
    scores_a, scores_b = aggregate(sample_a.scores.tolist()), aggregate(sample_b.scores.tolist())
    p_value = approximate_randomization(sample_a, sample_b, trials, seed)
    within = difference_interval(sample_a, sample_b, bootstrap, confidence, seed) if bootstrap else None
    return Comparison(
        metric=chosen.name,
        higher_is_better=chosen.higher_is_better,
        split=split,
        examples=len(runs[0].rows),
        a=scores_a,
        b=scores_b,
        difference=scores_b.mean - scores_a.mean,
        interval=within,
        confidence=confidence,
        tests=[
            Test(f"approximate randomisation of {chosen.name} over examples, {trials} trials", p_value),
            *(_mcnemar_tests(runs_a, runs_b) if with_mcnemar else []),
        ],
        labels=label_gains(runs_a, runs_b),
        differing=differences(runs_a, runs_b),
        collapsed=[f"{side}, run {number}: {run.collapsed}"
                   for side, found in (("A", runs_a), ("B", runs_b))
                   for number, run in enumerate(found, 1) if run.collapsed],
    )


def label_gains(a: Sequence[Predictions], b: Sequence[Predictions]) -> list[LabelGain]:
    """Return the F1 of each label in two systems, each one run per seed, in their order; none if there are no labels.
    """
    counts = [[run.outcomes.counts().sum(axis=0) for run in side if isinstance(run.outcomes, DecisionOutcomes)]
              for side in (a, b)]
    if not all(counts):
        return []
    sums = [np.stack(side) for side in counts]
    means = [precision_recall_f1(side)[2].mean(axis=0).tolist() for side in sums]
    return list(map(LabelGain, a[0].task.labels, *means, sums[0][0, :, 2].tolist()))


def compare_evaluations(config: CompareConfig, a: Sequence[Path], b: Sequence[Path]) -> Comparison:
    """Compare as `jpt compare` is told to; `a` and `b` are the folders that its ids stand for."""
    for side, folders in (("A", a), ("B", b)):
        for folder in folders:
            if list(folders).count(folder) > 1:
                raise ConfigError(f"{side}: {folder.name} is given twice; give each evaluation once, one a seed")
    settings = (config.trials, config.bootstrap, config.confidence, config.seed, config.mcnemar)
    return compare(a, b, config.split or RolesConfig().final, config.metric, *settings)


def _mcnemar_tests(a: list[Predictions], b: list[Predictions]) -> list[Test]:
    accuracy: SumMetric = METRICS.load("accuracy")
    if not fits(accuracy, a[0].task):
        return []
    result = mcnemar(*(accuracy.sample([run.outcomes for run in runs]).counts[..., 0].astype(bool) for runs in (a, b)))
    name = "McNemar's test" if len(a) == len(b) == 1 else "Durkalski's clustered McNemar test"
    return [
        Test(f"{name} of accuracy, exact", result.exact),
        Test(f"{name} of accuracy, chi-squared with continuity correction", result.corrected),
    ]
