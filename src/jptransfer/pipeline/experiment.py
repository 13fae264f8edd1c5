"""From the runs of a command to its targets: the nodes that a verb builds."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

from jptransfer.artifacts import Store
from jptransfer.config.run import Config
from jptransfer.errors import ConfigError
from jptransfer.pipeline.external_inputs import MissingFiles
from jptransfer.pipeline.graph import Compose, Source, StageGraph, StageNode
from jptransfer.pipeline.planning import Plan
from jptransfer.pipeline.stage import Stage, all_stages, find_stage

RUN = "run"
"""The verb that builds whatever the configuration describes."""


@dataclass(frozen=True)
class Run:
    """One row and seed of an experiment: its configuration, and the function that changes it (see `StageGraph`)."""

    row: str
    seed: int
    config: Config
    compose: Compose | None = None

    def graph(self, store: Store, missing: MissingFiles | None = None) -> StageGraph:
        """Return what it is planned from; files that do not exist are added to `missing` (see `StageGraph`)."""
        graph = StageGraph(self.config, store, missing=missing)
        return replace(graph, compose=self.compose) if self.compose else graph


@dataclass(frozen=True)
class Experiment:
    """Everything that one command plans.

    Attributes:
        name: of the experiment, for the report.
        command: what makes the report, for the report.
        graphs: row and seed -> what that run is planned from.
    """

    name: str
    command: str
    graphs: Mapping[tuple[str, int], StageGraph]


def per_graph(plan: Callable[[StageGraph], Iterable[Source | None]]) -> Callable[[Experiment], list[Source]]:
    """Return the `Stage.plan` of a stage that makes something for each run by itself."""
    return lambda experiment: [node for graph in experiment.graphs.values() for node in plan(graph) if node]


def targets(verb: str, runs: list[Run], store: Store, name: str, command: str = "") -> list[StageNode]:
    """Return the nodes that a verb builds for all runs; `report` and `run` make one report of all evaluations.

    Args:
        verb: of a stage, or `run`.
        runs: every row and seed.
        store: where references to artifacts are looked up.
        name: of the experiment.
        command: what a report says makes it.

    Raises:
        ConfigError: the configuration breaks a rule, or describes nothing for the verb to build.
        MissingFileError: files that the configuration names do not exist.
    """
    missing = MissingFiles()
    experiment = Experiment(name, command, {(run.row, run.seed): run.graph(store, missing) for run in runs})
    if verb == RUN:
        found, empty = _furthest(experiment), ["it describes nothing to build; try +experiment=quickstart"]
    else:
        stages = [stage for stage in all_stages() if stage.verb == verb]
        found, empty = [node for stage in stages for node in stage.plan(experiment)], [one.empty for one in stages]
    nodes = {node.fingerprint: node for node in found if isinstance(node, StageNode)}
    if not nodes:
        raise ConfigError(f"nothing to {verb}: {'; '.join(empty)}")
    missing.check()
    return list(nodes.values())


def _furthest(experiment: Experiment) -> list[Source]:
    """Return the report of all runs; if some have nothing to report, the last goal of each run."""
    *goals, last = [stage for stage in all_stages() if stage.goal]
    return [*last.plan(experiment)] or [
        node for run, graph in experiment.graphs.items()
        for node in _last_goal(goals, Experiment(experiment.name, experiment.command, {run: graph}))]


def _last_goal(goals: list[Stage], experiment: Experiment) -> list[Source]:
    return next((found for goal in reversed(goals) if (found := [*goal.plan(experiment)])), [])


def refuse_upstream(plan: Plan, overrides: list[str]) -> None:
    """Raise if something behind the targets is missing, with the commands that make it (``upstream=require``)."""
    lacking = [step.node for step in plan.missing if not step.target]
    if lacking:
        verbs = dict.fromkeys(find_stage(node.stage).verb for node in lacking)
        commands = "; ".join(shlex.join(["jpt", verb, *overrides]) for verb in verbs)
        raise ConfigError(f"upstream=require, but {len(lacking)} artifacts are missing; make them with: {commands}")
