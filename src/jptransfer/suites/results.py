"""Results of a suite: each cell's score and the paper's value, or the reason why a score is missing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from jptransfer.artifacts import Artifact, Store
from jptransfer.config import RowConfig
from jptransfer.errors import JptError
from jptransfer.registry import CELLS
from jptransfer.report import numbers
from jptransfer.suites.cells import Score
from jptransfer.suites.library import Suite
from jptransfer.suites.planning import CellPlan, SuitePlan

NOT_RUN = "not run"


@dataclass(frozen=True)
class CellResult:
    """Result of a cell.

    Attributes:
        paper_value: the paper's value, as printed; None if there is none.
        score: our score; if it is None, `problem` is the reason (empty: the cell was not selected).
        artifacts: one artifact per run.
    """

    row: str
    column: str
    paper_value: float | None
    score: Score | None = None
    problem: str = ""
    artifacts: tuple[Artifact, ...] = ()
    overrides: tuple[str, ...] = ()
    seeds: tuple[int, ...] = ()


@dataclass(frozen=True)
class SuiteResult:
    """Results of all cells of a suite at one scale, and the store that contains their artifacts."""

    suite: Suite
    scale: str
    cells: dict[tuple[str, str], CellResult]
    store: Store
    options: tuple[str, ...] = ()
    changes: tuple[str, ...] = ()

    @property
    def rows(self) -> dict[str, RowConfig]:
        """Name -> row, without rows that have neither a paper value nor a selected cell."""
        return {name: row for name, row in self.suite.config.rows.items()
                if row.paper_value or any(self.cells[name, column].overrides for column in self.columns)}

    @property
    def columns(self) -> dict[str, str]:
        """Column name -> heading."""
        return {name: column.title or name for name, column in self.suite.config.columns.items()}

    @property
    def title(self) -> str:
        """Title of the table."""
        return self.suite.config.title or self.suite.name

    @cached_property
    def metric(self) -> str:
        """Name of the metric, from the suite or a cell; empty for counts."""
        scores = [cell.score.metric for cell in self.cells.values() if cell.score]
        return self.suite.config.metric or next(filter(None, scores), "")

    @property
    def sign(self) -> int:
        """1 if a higher number is better, -1 if a lower one is, 0 if neither."""
        known = [cell.score.higher_is_better for cell in self.cells.values() if cell.score]
        if known:
            return 0 if known[0] is None else 1 if known[0] else -1
        if not self.metric:
            return 0
        from jptransfer.registry import METRICS

        return 1 if METRICS.load(self.metric).higher_is_better else -1

    def heading(self, row: str) -> str:
        """Return the heading of a row."""
        return self.suite.config.rows[row].title or row

    def shown(self, value: float) -> float:
        """Return a score in the unit of the table."""
        return numbers.scaled(value, self.metric) if self.metric else value

    def ours(self, row: str, column: str) -> float | None:
        """Return our score of a cell in the unit of the table."""
        score = self.cells[row, column].score
        return None if score is None else self.shown(score.value)

    def made_of(self, artifact: Artifact, role: str) -> Artifact | None:
        """Return the input of an artifact in a role; None if there is none or the input was deleted."""
        entry = artifact.manifest.inputs.get(role, {})
        return self.store.find(entry.get("fingerprint", role), entry.get("kind", role))

    def best(self, values: Mapping[str, float | None]) -> set[str]:
        """Return the names of the best values; empty without a direction or with fewer than two values."""
        present = {name: value for name, value in values.items() if value is not None}
        if not self.sign or len(present) < 2:
            return set()
        top = max(present.values(), key=lambda value: self.sign * value)
        return {name for name, value in present.items() if value == top}


def collect(plan: SuitePlan, store: Store, failed: Mapping[str, str], options: Sequence[str] = (),
            changes: Sequence[str] = ()) -> SuiteResult:
    """Read the results of a plan from the store.

    Args:
        plan: the plan.
        store: the store with the artifacts.
        failed: fingerprint -> one-line reason why the stage failed.
        options: command line options for the location of configurations.
        changes: settings of `jpt reproduce` other than suite and scale.
    """
    config = plan.suite.config
    planned = {(cell.row, cell.column): cell for cell in plan.cells}
    cells = {}
    for name, row in config.rows.items():
        for column in config.columns:
            paper_value = row.paper_value.get(column)
            cell = planned.get((name, column))
            cells[name, column] = (_read(cell, paper_value, plan.suite, store, failed) if cell
                                   else CellResult(name, column, paper_value))
    return SuiteResult(plan.suite, plan.scale, cells, store, tuple(options), tuple(changes))


def _read(cell: CellPlan, paper_value: float | None, suite: Suite, store: Store,
          failed: Mapping[str, str]) -> CellResult:
    asked = CellResult(cell.row, cell.column, paper_value, overrides=tuple(cell.overrides),
                       seeds=tuple(cell.targets) if CELLS.load(suite.config.cells).seeded else ())
    if cell.problem:
        return replace(asked, problem=str(cell.problem))
    found = {node.fingerprint: store.find(node.fingerprint, node.kind) for node in cell.targets.values()}
    runs = tuple(artifact for artifact in found.values() if artifact)
    lacking = [failed.get(key, NOT_RUN) for key, artifact in found.items() if not artifact]
    if lacking:
        missing = f"{len(lacking)} of {len(found)} runs: " if len(found) > 1 else ""
        return replace(asked, problem=missing + lacking[0], artifacts=runs)
    try:
        _check(runs, store)
        score = CELLS.load(suite.config.cells).score(runs, suite.config, suite.config.columns[cell.column])
    except JptError as error:
        return replace(asked, problem=str(error), artifacts=runs)
    return replace(asked, score=score, artifacts=runs)


def _check(runs: Iterable[Artifact], store: Store) -> None:
    """Check the artifacts of a cell and their existing inputs, which figures read, too."""
    for artifact in runs:
        store.check(artifact)
        for entry in artifact.manifest.inputs.values():
            if found := store.find(entry.get("fingerprint", ""), entry["kind"]):
                store.check(found)
