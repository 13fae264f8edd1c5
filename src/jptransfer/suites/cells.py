"""Kinds of cells: the artifact that a cell needs, and how its number is read from the artifact."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from jptransfer.artifacts import Artifact
from jptransfer.config import ColumnConfig, SuiteConfig
from jptransfer.errors import ConfigError, unknown
from jptransfer.pipeline import StageGraph, StageNode
from jptransfer.stages.evaluate import plan_evaluation
from jptransfer.stages.prepare_dataset import plan_dataset
from jptransfer.stages.pretrain import plan_language_model
from jptransfer.stages.probe import plan_probe


@dataclass(frozen=True)
class Score:
    """The number of a cell.

    Attributes:
        value: mean over runs, in the metric's unit (shares from 0 to 1).
        values: value of each run.
        interval: confidence interval over examples and, with several runs, seeds; None if there is none.
        collapsed: one message per run that gives the same answer to every example (see `Task.collapsed`).
        metric: name of the metric, empty for counts.
        higher_is_better: direction of the metric; None for numbers that are neither better nor worse.
    """

    value: float
    values: tuple[float, ...]
    interval: tuple[float, float] | None = None
    metric: str = ""
    higher_is_better: bool | None = None
    collapsed: tuple[str, ...] = ()


class CellKind(Protocol):
    """Interface of kinds of cells.

    Attributes:
        kind: kind of the artifacts that a cell needs.
        seeded: whether there is one artifact per seed.
    """

    kind: str
    seeded: bool

    @staticmethod
    def target(graph: StageGraph) -> StageNode:
        """Return the stage to build for one run."""

    @staticmethod
    def score(runs: Sequence[Artifact], suite: SuiteConfig, column: ColumnConfig) -> Score:
        """Return the number of the cell."""


class Evaluations:
    """The score of a task model on the final split."""

    kind, seeded = "evaluation", True

    @staticmethod
    def target(graph: StageGraph) -> StageNode:
        """Return the evaluation."""
        return _needs_task(plan_evaluation(graph))

    @staticmethod
    def score(runs: Sequence[Artifact], suite: SuiteConfig, column: ColumnConfig) -> Score:
        """Return the mean over runs with its confidence interval."""
        from jptransfer.evaluation.bootstrap import interval
        from jptransfer.evaluation.metrics import load_metric
        from jptransfer.evaluation.predictions import load_evaluation

        predictions = [load_evaluation(run.path).predictions(suite.split) for run in runs]
        metric = load_metric(suite.metric, predictions[0].task)
        sample = metric.sample([run.outcomes for run in predictions])
        values = tuple(sample.scores.tolist())
        within = (interval(sample, suite.bootstrap, suite.confidence, 0, metric.bounds) if suite.bootstrap else None)
        return Score(sum(values) / len(values), values, within, metric.name, metric.higher_is_better,
                     tuple(filter(None, (one.collapsed for one in predictions))))


class SummaryNumbers:
    """Base of kinds of cells that add up numbers of an artifact's summary."""

    seeded = False

    @staticmethod
    def score(runs: Sequence[Artifact], suite: SuiteConfig, column: ColumnConfig) -> Score:
        """Return the sum of the column's `count`."""
        if not column.count:
            raise ConfigError("its column has no count: which numbers of the artifact's summary are added up")
        total = float(sum(_count(runs[0].manifest.summary["values"], path) for path in column.count))
        return Score(total, (total,))


class Counts(SummaryNumbers):
    """Counts of a data set, added up from its summary."""

    kind = "dataset"

    @staticmethod
    def target(graph: StageGraph) -> StageNode:
        """Return the data set."""
        return _needs_task(plan_dataset(graph))


class LanguageModels(SummaryNumbers):
    """Numbers of a language model, from its summary."""

    kind = "language_model"

    @staticmethod
    def target(graph: StageGraph) -> StageNode:
        """Return the language model that is trained on the corpus."""
        node = plan_language_model(graph)
        if not isinstance(node, StageNode):
            raise ConfigError("the cell trains no language model; give a corpus and a model, as in corpus=toy")
        return node


class Probes(SummaryNumbers):
    """Numbers that a probe found, from its summary."""

    kind = "probe_result"

    @staticmethod
    def target(graph: StageGraph) -> StageNode:
        """Return the result of the configured probe."""
        node = plan_probe(graph)
        if node is None:
            raise ConfigError("the cell has no probe; give one in a part, as in probe=sentiment_unit")
        return node


def _needs_task(node: StageNode | None) -> StageNode:
    if node is None:
        raise ConfigError("the cell has no task; give one in a part, as in task=toy_sentiment")
    return node


def _count(values: Any, path: str) -> float:
    for word in path.split("."):
        if not isinstance(values, Mapping):
            raise ConfigError(f"count: '{path}' goes on below a number")
        if word not in values:
            raise ConfigError(f"count: {unknown('value', path, values)}")
        values = values[word]
    if isinstance(values, Mapping):
        raise ConfigError(f"count: '{path}' stands for several values: {', '.join(map(str, values))}")
    return len(values) if isinstance(values, list) else values
