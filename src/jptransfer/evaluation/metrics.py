"""Scores of a task, in two forms, both of which give intervals and paired tests.

`SumMetric` is a function of counts that add up over examples: the score (counts summed), its bootstrap interval (counts
resampled) and paired tests (counts swapped) are matrix products over the same small numbers. `StatisticMetric` is for
what is not a function of sums (correlations of ranks): it is computed again for every resample.

A metric fits every kind of task whose outcomes are of the type that it takes (`jptransfer.tasks.outcomes`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from jptransfer.errors import ConfigError, unknown
from jptransfer.evaluation.samples import Sample, StatisticSample, SumSample
from jptransfer.registry import METRICS
from jptransfer.tasks import conlleval
from jptransfer.tasks.base import Task, outcomes_of
from jptransfer.tasks.outcomes import (
    DecisionOutcomes,
    LabelOutcomes,
    Outcomes,
    SpanOutcomes,
    precision_recall_f1,
    ratio,
)


class Metric(Protocol):
    """A score of a whole set of examples.

    Attributes:
        name: its name in the registry.
        takes: type of outcomes that it is defined for.
        higher_is_better: which way is up.
        bounds: least and greatest score that there can be.
    """

    @property
    def name(self) -> str: ...  # noqa: D102
    @property
    def takes(self) -> type[Outcomes]: ...  # noqa: D102
    @property
    def higher_is_better(self) -> bool: ...  # noqa: D102
    @property
    def bounds(self) -> tuple[float, float]: ...  # noqa: D102

    def sample(self, runs: Sequence[Any]) -> Sample:
        """Return the runs' scores on the same examples, which can be resampled and exchanged."""


@dataclass(frozen=True)
class SumMetric:
    """A function of sums over examples (see `Metric`).

    Attributes:
        counts: outcomes -> (examples, columns) numbers that add up over examples.
        value: (..., columns) sums -> (...) scores.
    """

    name: str
    takes: type[Outcomes]
    counts: Callable[[Any], np.ndarray]
    value: Callable[[np.ndarray], np.ndarray]
    higher_is_better: bool = True
    bounds: tuple[float, float] = (0.0, 1.0)

    def sample(self, runs: Sequence[Any]) -> SumSample:
        """Return the runs' counts (see `Metric`)."""
        return SumSample(np.stack([self.counts(run) for run in runs]), self.value)


@dataclass(frozen=True)
class StatisticMetric:
    """Any statistic of the examples (see `Metric`).

    Attributes:
        of: outcomes, (..., n) positions of examples -> (...) scores of these examples, which may be repeated.
        comparable: outcomes -> outcomes with the same score, whose answers may be exchanged with another system's. A
            statistic that does not depend on the scale of the answers has to bring them to a common one here.
    """

    name: str
    takes: type[Outcomes]
    of: Callable[[Any, np.ndarray], np.ndarray]
    higher_is_better: bool = True
    bounds: tuple[float, float] = (0.0, 1.0)
    comparable: Callable[[Any], Any] = lambda outcomes: outcomes

    def sample(self, runs: Sequence[Any]) -> StatisticSample:
        """Return the runs' outcomes (see `Metric`)."""
        return StatisticSample(tuple(runs), self.of, self.comparable)


def fits(metric: Metric, kind: Task | type[Task]) -> bool:
    """Tell whether a metric is defined for the outcomes of a kind of task."""
    return issubclass(kind.outcomes_type, metric.takes)


def load_metric(name: str, task: Task | type[Task]) -> Metric:
    """Return the metric of that name, or the task's main one if `name` is empty.

    Raises:
        ConfigError: there is no such metric, or it is not defined for this kind of task.
    """
    metric: Metric = METRICS.load(name or task.metrics[0])
    if not fits(metric, task):
        fitting = [other for other in METRICS if fits(METRICS.load(other), task)]
        raise ConfigError(unknown(f"metric of a {task.kind} task", name, fitting))
    return metric


def metrics_for(task: Task, extra: Sequence[str] = ()) -> list[Metric]:
    """Return the metrics every evaluation of a task has, its main one first, and `extra` ones."""
    return [load_metric(name, task) for name in dict.fromkeys((*task.metrics, *extra))]


def score(metric: Metric, outcomes: Outcomes) -> float:
    """Return a metric's score of one set of outcomes."""
    return float(metric.sample([outcomes]).scores[0])


def scores_of(task: Task, predictions: Sequence[Any], extra: Sequence[str] = ()) -> dict[str, float]:
    """Return the scores of predictions, which hold their gold answers, by name of the metric (see `metrics_for`)."""
    outcomes = outcomes_of(task, predictions)
    return {metric.name: score(metric, outcomes) for metric in metrics_for(task, extra)}


def _right(outcomes: LabelOutcomes) -> np.ndarray:
    gold, predicted = outcomes.index(outcomes.gold), outcomes.index(outcomes.predicted)
    return np.stack([gold == predicted, np.ones_like(gold)], axis=1).astype(np.int64)


def _decisions(outcomes: DecisionOutcomes) -> np.ndarray:
    sums: np.ndarray = outcomes.counts().sum(axis=1)
    return sums


def _by_label(outcomes: DecisionOutcomes) -> np.ndarray:
    counts = outcomes.counts()
    return counts.reshape(len(counts), -1)


def _units_right(outcomes: SpanOutcomes) -> np.ndarray:
    rows = [(conlleval.matching(gold, predicted), len(gold)) for gold, predicted in outcomes.tags()]
    return np.array(rows, dtype=np.int64)


def _unit_chunks(outcomes: SpanOutcomes) -> np.ndarray:
    """Count chunks of units' tags as conlleval does: right, predicted and gold ones of each example."""
    if not outcomes.gold:
        return np.zeros((0, 3), np.int64)
    return conlleval.score_each(*zip(*outcomes.tags(), strict=True))


def _disagreement(outcomes: LabelOutcomes) -> np.ndarray:
    """Columns: squared distance of the labels' positions, gold one-hot, predicted one-hot."""
    gold, predicted = outcomes.index(outcomes.gold), outcomes.index(outcomes.predicted)
    one_hot = np.eye(len(outcomes.labels), dtype=np.int64)
    return np.concatenate([((gold - predicted) ** 2)[:, None], one_hot[gold], one_hot[predicted]], axis=1)


def _macro_f1(sums: np.ndarray) -> np.ndarray:
    """Mean F1 over the labels that occur in gold or predictions, as scikit-learn has it."""
    counts = sums.reshape(*sums.shape[:-1], -1, 3)
    f1 = precision_recall_f1(counts)[2]
    return ratio(f1.sum(axis=-1), (counts[..., 1:].sum(axis=-1) > 0).sum(axis=-1))


def _kappa(sums: np.ndarray) -> np.ndarray:
    """Cohen's kappa with quadratic weights (Cohen 1968); 0 where chance alone leaves no disagreement."""
    observed, gold, predicted = np.split(sums, [1, (sums.shape[-1] + 1) // 2], axis=-1)
    position = np.arange(gold.shape[-1])
    weights = (position[:, None] - position) ** 2
    expected = np.einsum("...i,ij,...j->...", gold, weights, predicted)
    total = gold.sum(axis=-1)
    return np.where(expected > 0, 1 - ratio(observed[..., 0] * total, expected), 0.0)


def _share(sums: np.ndarray) -> np.ndarray:
    return ratio(sums[..., 0], sums[..., 1])


def _precision(sums: np.ndarray) -> np.ndarray:
    return precision_recall_f1(sums)[0]


def _recall(sums: np.ndarray) -> np.ndarray:
    return precision_recall_f1(sums)[1]


def f1(sums: np.ndarray) -> np.ndarray:
    """Return F1 of (..., 3) sums of right, predicted and gold decisions."""
    return precision_recall_f1(sums)[2]


accuracy = SumMetric("accuracy", LabelOutcomes, _right, _share)
error_rate = SumMetric("error_rate", LabelOutcomes, _right, lambda s: ratio(s[..., 1] - s[..., 0], s[..., 1]), False)
macro_f1 = SumMetric("macro_f1", DecisionOutcomes, _by_label, _macro_f1)
micro_f1 = SumMetric("micro_f1", DecisionOutcomes, _decisions, f1)
quadratic_kappa = SumMetric("kappa", LabelOutcomes, _disagreement, _kappa, bounds=(-1.0, 1.0))
entity_precision = SumMetric("entity_precision", SpanOutcomes, _decisions, _precision)
entity_recall = SumMetric("entity_recall", SpanOutcomes, _decisions, _recall)
entity_f1 = SumMetric("entity_f1", SpanOutcomes, _decisions, f1)
unit_f1 = SumMetric("unit_f1", SpanOutcomes, _unit_chunks, f1)
unit_precision = SumMetric("unit_precision", SpanOutcomes, _unit_chunks, _precision)
unit_recall = SumMetric("unit_recall", SpanOutcomes, _unit_chunks, _recall)
token_accuracy = SumMetric("token_accuracy", SpanOutcomes, _units_right, _share)
