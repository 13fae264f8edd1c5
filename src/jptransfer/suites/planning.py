"""From a suite to its cells: the overrides of each, the artifacts it needs, what is there, how long the rest takes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from jptransfer.artifacts import Store
from jptransfer.artifacts.fingerprint import differences
from jptransfer.config import Config
from jptransfer.errors import ConfigError, JptError, unknown
from jptransfer.pipeline import MissingFiles, Plan, StageGraph, StageNode, drop_overrides, make_plan
from jptransfer.registry import CELLS
from jptransfer.suites.library import Suite

ALIKE = 3
"""Settings in which an artifact may differ from a stage that is to run, for its time to be a guide."""
Compose = Callable[[Sequence[str], Sequence[str]], Config]
"""Turns overrides, as `jpt run` takes them, into a configuration, in which some sections are as their presets say."""


@dataclass(frozen=True)
class CellPlan:
    """One cell of a suite.

    Attributes:
        overrides: of `jpt run`, without the places of this machine.
        targets: seed -> what is to be built.
        problem: why it can't be planned (all official files that are missing); then there are no targets.
    """

    row: str
    column: str
    overrides: list[str]
    targets: dict[int, StageNode] = field(default_factory=dict)
    problem: JptError | None = None

    @property
    def name(self) -> str:
        """The cell as ``row/column``."""
        return f"{self.row}/{self.column}"


@dataclass(frozen=True)
class SuitePlan:
    """A suite at one scale: its cells, row by row."""

    suite: Suite
    scale: str
    cells: list[CellPlan]


@dataclass(frozen=True)
class Choice:
    """What of a suite is wanted, and with what changes.

    Attributes:
        rows, cells: names (cells as ``row/column``); empty: all.
        seeds: in place of the suite's; empty: those.
        overrides: of every cell. `places`: overrides that say where things lie on this machine.
    """

    scale: str
    rows: Sequence[str] = ()
    cells: Sequence[str] = ()
    seeds: Sequence[int] = ()
    overrides: Sequence[str] = ()
    places: Sequence[str] = ()


def plan_suite(suite: Suite, choice: Choice, compose: Compose, store: Store) -> SuitePlan:
    """Plan every cell that is wanted; what can't be planned says why.

    Raises:
        ConfigError: the suite has no such scale, row or cell, or a cell is in none of the rows.
    """
    config = suite.config
    names = cell_names(suite)
    for noun, wanted, known in (("scale", [choice.scale], list(config.scales)), ("row", choice.rows, list(config.rows)),
                                ("cell", choice.cells, ["/".join(name) for name in names])):
        for one in wanted:
            if one not in known:
                raise ConfigError(f"{suite.name}: {unknown(noun, one, known)}")
    for one in choice.cells:
        if choice.rows and one.rpartition("/")[0] not in choice.rows:
            raise ConfigError(f"{suite.name}: cell '{one}' is in no row of only=[{','.join(choice.rows)}]")
    cells = [_plan_cell(suite, row, column, choice, compose, store) for row, column in names
             if row in (choice.rows or config.rows) and (not choice.cells or f"{row}/{column}" in choice.cells)]
    return SuitePlan(suite, choice.scale, cells)


def cell_names(suite: Suite) -> list[tuple[str, str]]:
    """Return row and column of every cell that can be run, row by row."""
    config = suite.config
    return [(row, column) for row, entry in config.rows.items() if not entry.paper_only for column in config.columns]


def _plan_cell(suite: Suite, row: str, column: str, choice: Choice, compose: Compose, store: Store) -> CellPlan:
    overrides = [*cell_overrides(suite, row, column, choice.scale), *choice.overrides]
    kind, scale = CELLS.load(suite.config.cells), suite.config.scales[choice.scale]

    def composed(more: list[str], fresh: Sequence[str] = ()) -> Config:
        return compose([*drop_overrides(overrides, fresh), *more, *choice.places], fresh)

    try:
        for one in overrides if kind.seeded else []:
            if one.lstrip("+").startswith(("seed=", "seeds=")):
                raise ConfigError(f"{one}: seeds of a suite are those of its scale; others are given by seeds=[…]")
        config, missing = composed([]), MissingFiles()
        seeds = (choice.seeds or scale.seeds) if kind.seeded else [config.seed]
        targets = {seed: kind.target(StageGraph(replace(config, seed=seed), store, composed, missing))
                   for seed in seeds}
        missing.check()
    except JptError as error:
        return CellPlan(row, column, overrides, problem=error)
    return CellPlan(row, column, overrides, targets)


def cell_overrides(suite: Suite, row: str, column: str, scale: str) -> list[str]:
    """Return the overrides of a cell in order: of the scale, the column, the row, and of this cell alone."""
    config = suite.config

    def parts(names: Iterable[str]) -> Iterator[str]:
        for name in names:
            yield from (*config.fragments[name].overrides, *config.fragments[name].scales.get(scale, []))

    across, down = config.columns[column], config.rows[row]
    return [*config.scales[scale].overrides, *parts(across.include), *across.overrides,
            *parts(down.include), *down.overrides,
            *down.cells.get(column, [])]


def joint_plan(plans: Iterable[SuitePlan], store: Store) -> Plan:
    """Return one plan for all suites: what several cells need is in it once."""
    nodes = {node.fingerprint: node for plan in plans for cell in plan.cells for node in cell.targets.values()}
    return make_plan(list(nodes.values()), store)


def estimate(plan: Plan, store: Store) -> tuple[float, int]:
    """Return the seconds that missing stages may take, and how many stages have nothing to go by.

    A stage is taken to need as long as the artifact of its kind in the store whose settings differ from its own in the
    fewest fields, at most `ALIKE` besides its inputs; data of another size makes the guess wrong.
    """
    seconds, unknown_stages = 0.0, 0
    kinds = {kind: store.all(kind) for kind in {step.node.kind for step in plan.missing}}
    for step in plan.missing:
        gaps = {one.id: _distance(one.manifest.recipe, step.node.recipe) for one in kinds[step.node.kind]}
        like = [one for one in kinds[step.node.kind] if gaps[one.id] <= ALIKE]
        if like:
            seconds += min(like, key=lambda one: gaps[one.id]).manifest.seconds
        else:
            unknown_stages += 1
    return seconds, unknown_stages


def _distance(one: dict[str, Any], other: dict[str, Any]) -> int:
    """Number of settings in which two recipes differ; another stage is far away."""
    if one["stage"] != other["stage"]:
        return ALIKE + 1
    return sum(1 for _ in differences(one.get("config", {}), other.get("config", {})))
