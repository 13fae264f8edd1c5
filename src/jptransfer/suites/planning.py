"""Plan the cells of a suite: overrides, required and missing artifacts, and the estimated time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from jptransfer.artifacts import Store
from jptransfer.artifacts.fingerprint import differences
from jptransfer.config import Config
from jptransfer.errors import ConfigError, JptError, unknown
from jptransfer.pipeline import MissingFiles, Plan, StageGraph, StageNode, drop_overrides, make_plan
from jptransfer.pipeline.unread import drop_unread
from jptransfer.registry import CELLS
from jptransfer.suites.library import Suite

ALIKE = 3
"""Maximum number of settings in which an artifact may differ from a stage to be used for its time estimate."""
Compose = Callable[[Sequence[str], Sequence[str]], Config]
"""Composes a configuration from overrides of `jpt run`, and names of sections to reset to their presets."""


@dataclass(frozen=True)
class CellPlan:
    """One cell of a suite.

    Attributes:
        overrides: overrides of `jpt run`, without paths of this machine and what the cell does not read of those that
            it shares with others.
        targets: seed -> stage to build.
        problem: why the cell cannot be planned (for example all missing official files); then there are no targets.
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

    def overrides_of(self, cell: CellPlan) -> list[str]:
        """Return what the suite's file says of a cell, read or not."""
        return cell_overrides(self.suite, cell.row, cell.column, self.scale)


@dataclass(frozen=True)
class Choice:
    """Selection of a suite's cells, and changes to them.

    Attributes:
        scale: name of the scale.
        rows, cells: names (cells as ``row/column``); empty: all.
        seeds: seeds that replace the suite's; empty: the suite's seeds.
        overrides: overrides for every cell.
        places: overrides with paths of this machine.
    """

    scale: str
    rows: Sequence[str] = ()
    cells: Sequence[str] = ()
    seeds: Sequence[int] = ()
    overrides: Sequence[str] = ()
    places: Sequence[str] = ()


def plan_suite(suite: Suite, choice: Choice, compose: Compose, store: Store) -> SuitePlan:
    """Plan every selected cell; cells that cannot be planned have a `problem`.

    Raises:
        ConfigError: the suite has no such scale, row or cell, or a cell is in none of the selected rows.
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
    """Return row and column of every cell that is not `paper_only`, row by row."""
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
    return CellPlan(row, column, drop_unread(overrides, config), targets)


def cell_overrides(suite: Suite, row: str, column: str, scale: str) -> list[str]:
    """Return the overrides of a cell in order: those of the scale, the column, the row, and the cell itself."""
    config = suite.config

    def parts(names: Iterable[str]) -> Iterator[str]:
        for name in names:
            yield from (*config.fragments[name].overrides, *config.fragments[name].scales.get(scale, []))

    across, down = config.columns[column], config.rows[row]
    return [*config.scales[scale].overrides, *parts(across.include), *across.overrides,
            *parts(down.include), *down.overrides,
            *down.cells.get(column, [])]


def joint_plan(plans: Iterable[SuitePlan], store: Store) -> Plan:
    """Return one plan for all suites, in which stages that several cells need occur once."""
    nodes = {node.fingerprint: node for plan in plans for cell in plan.cells for node in cell.targets.values()}
    return make_plan(list(nodes.values()), store)


def estimate(plan: Plan, store: Store) -> tuple[float, int]:
    """Return the estimated seconds of missing stages, and the number of stages without an estimate.

    The estimate of a stage is the time of the artifact of its kind whose settings differ in the fewest fields (inputs
    aside), at most `ALIKE`. It is wrong if the data have another size.
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
    """Return the number of settings in which two recipes differ, more than `ALIKE` for different stages."""
    if one["stage"] != other["stage"]:
        return ALIKE + 1
    return sum(1 for _ in differences(one.get("config", {}), other.get("config", {})))
