"""Layouts of tables; each is a function of a suite's results."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from string import ascii_lowercase
from typing import TYPE_CHECKING

from jptransfer.config.task import scored_split
from jptransfer.errors import JptError
from jptransfer.report import numbers
from jptransfer.report.tables import NOTHING, Cell, Column, Table, without_empty_columns
from jptransfer.suites.results import CellResult, SuiteResult

if TYPE_CHECKING:
    from jptransfer.evaluation.compare import Comparison

BETTER, WORSE = "↑", "↓"
FAILED = "failed"


class Footnotes:
    """Footnotes of a table; equal texts share one letter."""

    def __init__(self) -> None:
        self._marks: dict[str, str] = {}

    def mark(self, text: str) -> str:
        """Return the mark of a text."""
        number = len(self._marks)
        letters = ascii_lowercase[number % 26] * (number // 26 + 1)
        return self._marks.setdefault(text, f"[{letters}]")

    def __iter__(self) -> Iterator[str]:
        return (f"{mark} {text}" for text, mark in self._marks.items())


def absolute(result: SuiteResult) -> Table:
    """Return absolute scores: for each column the paper's value, ours with interval and runs, and the difference."""
    notes, columns = Footnotes(), [_first(result)]
    body: dict[str, list[Cell]] = {row: [_heading(result, row, notes)] for row in result.rows}
    for name, title in result.columns.items():
        paper_value = {row: result.cells[row, name].paper_value for row in result.rows}
        found = {row: result.ours(row, name) for row in result.rows}
        top_paper, top_ours = result.best(paper_value), result.best(found)
        columns += _heads(result, name, title, ("paper", "ours", "interval", "runs", "difference"))
        for row, cells in body.items():
            cell, a, b = result.cells[row, name], paper_value[row], found[row]
            cells += [_number(result, a, row in top_paper), _ours(result, cell, row in top_ours, notes),
                      _interval(result, cell), _runs(cell),
                      NOTHING if a is None or b is None else Cell(_signed(result, b - a), b - a)]
    ours = "; ours: mean over runs" if result.metric else ""
    return _table(result, columns, body.values(), notes,
                  f"Paper: as paper_value{ours}; Δ paper: ours less the paper's")


def differences(result: SuiteResult) -> Table:
    """Return the baseline's absolute scores and the other rows' differences from it, with paired tests."""
    base, notes, columns = result.suite.config.base, Footnotes(), [_first(result)]
    body: dict[str, list[Cell]] = {row: [_heading(result, row, notes)] for row in result.rows}
    for name, title in result.columns.items():
        paper = {row: result.cells[row, name].paper_value for row in result.rows}
        ours = {row: result.ours(row, name) for row in result.rows}
        columns += _heads(result, name, title, ("paper", "ours", "p", "runs"))
        top_paper, top_ours = result.best(paper), result.best(ours)
        for row, cells in body.items():
            cell = result.cells[row, name]
            found = None if row == base else comparison_of(result, (base, name), (row, name))
            mark = _arrow(found)
            cells += [
                _change(result, paper[row], None if row == base else paper.get(base), row in top_paper),
                _ours(result, cell, row in top_ours, notes, None if row == base else ours.get(base), mark),
                _p(found), _runs(cell)]
    return _table(result, columns, body.values(), notes,
                  f"{result.heading(base)} as it is, other rows less {result.heading(base)}; {_tested(result)}")


def _tested(result: SuiteResult) -> str:
    level = f"{1 - result.suite.config.confidence:.3g}".lstrip("0")
    lacking = "" if result.suite.config.bootstrap else " (bootstrap: 0 leaves it out)"
    return ("p: paired approximate randomisation over examples, with the seeds that were run, not corrected for "
            f"several comparisons; {BETTER} / {WORSE}: p < {level}, and with several seeds an interval over examples "
            f"and seeds without zero{lacking}")


def _p(found: Comparison | None) -> Cell:
    return NOTHING if found is None else Cell(numbers.p_value(found.p_value), found.p_value)


def gains(result: SuiteResult) -> Table:
    """Return the first column's scores, and the other columns' scores with gains in per cent and paired tests."""
    base, *others = result.columns
    notes, columns = Footnotes(), [_first(result)]
    body: dict[str, list[Cell]] = {row: [_heading(result, row, notes)] for row in result.rows}
    for name in result.columns:
        compared = ("paper_gain", "gain", "p") if name in others else ()
        columns += _heads(result, name, result.columns[name], ("paper", "ours", "runs", *compared))
        for row, cells in body.items():
            cell = result.cells[row, name]
            found = comparison_of(result, (row, base), (row, name)) if name in others else None
            ours = {column: result.ours(row, column) for column in result.columns}
            paper = {column: result.cells[row, column].paper_value for column in result.columns}
            mark = _arrow(found)
            cells += [_number(result, paper[name], name in result.best(paper)),
                      _ours(result, cell, name in result.best(ours), notes, mark=mark), _runs(cell)]
            if name in others:
                cells += [_gain(result, paper[name], paper[base]), _gain(result, ours[name], ours[base]), _p(found)]
    return _table(result, columns, body.values(), notes,
                  f"Gain: in per cent of {result.columns[base]}; {_tested(result)}; bold: the best of a row", "")


def comparison_of(result: SuiteResult, base: tuple[str, str], other: tuple[str, str]) -> Comparison | None:
    """Return the comparison of a cell (B) with another one (A), None if one is missing or the examples differ.

    Args:
        result: results of the suite.
        base, other: row and column of A and of B.
    """
    config = result.suite.config
    one, two = result.cells[base], result.cells[other]
    if not one.score or not two.score or not two.score.metric:
        return None
    from jptransfer.evaluation.compare import compare

    a, b = ([artifact.path for artifact in cell.artifacts] for cell in (one, two))
    try:
        return compare(a, b, config.split, two.score.metric, config.trials, config.bootstrap, config.confidence)
    except JptError:
        return None


def _arrow(found: Comparison | None) -> str:
    if found is None or not found.significant:
        return ""
    return BETTER if found.b_is_better else WORSE


def _first(result: SuiteResult) -> Column:
    """Return the column of row headings; a suite with a single column has its title here, not in every heading."""
    titles = list(result.columns.values())
    return Column("row", titles[0] if len(titles) == 1 else "")


def _heads(result: SuiteResult, name: str, title: str, wanted: Iterable[str]) -> list[Column]:
    titles = {"paper": "paper", "ours": "ours", "runs": "runs", "difference": "Δ paper", "p": "p",
              "paper_gain": "gain % (paper)", "gain": "gain %",
              "interval": f"{result.suite.config.confidence:.0%} interval"}
    group = title if len(result.columns) > 1 else ""
    return [Column(f"{name}_{key}", titles[key], True, group) for key in wanted]


def _heading(result: SuiteResult, row: str, notes: Footnotes) -> Cell:
    entry = result.suite.config.rows[row]
    return Cell(result.heading(row), row, mark=notes.mark(entry.note) if entry.note else "")


def _number(result: SuiteResult, value: float | None, best: bool = False) -> Cell:
    return NOTHING if value is None else Cell(_written(result, value), value, bold=best)


def _written(result: SuiteResult, value: float) -> str:
    return f"{value:,.{result.suite.config.digits}f}".replace("-", numbers.MINUS)


def _signed(result: SuiteResult, value: float) -> str:
    text = _written(result, abs(value))
    return text if not float(text.replace(",", "")) else ("+" if value > 0 else numbers.MINUS) + text


def _change(result: SuiteResult, value: float | None, base: float | None, best: bool) -> Cell:
    if value is None or base is None:
        return _number(result, value, best)
    return Cell(_signed(result, value - base), value - base, bold=best)


def _gain(result: SuiteResult, value: float | None, base: float | None) -> Cell:
    if value is None or not base:
        return NOTHING
    percent = 100 * (value - base) / base
    return Cell(_signed(result, percent), percent)


def _ours(result: SuiteResult, cell: CellResult, best: bool, notes: Footnotes, base: float | None = None,
          mark: str = "") -> Cell:
    if cell.problem:
        return Cell(FAILED, FAILED, mark=notes.mark(cell.problem))
    shown = _change(result, result.ours(cell.row, cell.column), base, best)
    return shown if shown == NOTHING else Cell(shown.text, shown.value, shown.bold, mark)


def _interval(result: SuiteResult, cell: CellResult) -> Cell:
    if not cell.score or not cell.score.interval:
        return NOTHING
    low, high = map(result.shown, cell.score.interval)
    return Cell(f"[{_written(result, low)}, {_written(result, high)}]", values={"low": low, "high": high})


def _runs(cell: CellResult) -> Cell:
    """Return the number of runs, and the number of runs that give the same answer to every example."""
    if not cell.score or not cell.score.metric:
        return NOTHING
    runs, collapsed = len(cell.score.values), len(cell.score.collapsed)
    return Cell(f"{runs} ({collapsed} collapsed)" if collapsed else str(runs), runs)


def _table(result: SuiteResult, columns: list[Column], rows: Iterable[list[Cell]], notes: Footnotes,
           reading: str, best: str = ", bold: best") -> Table:
    config = result.suite.config
    unit = f"{numbers.title(result.metric)}{', points of 100' if numbers.is_share(result.metric) else ''}"
    better = {1: f"; higher is better{best}", -1: f"; lower is better{best}", 0: ""}[result.sign]
    is_split = config.split == scored_split(config.split)
    where = f"on the {config.split} split" if is_split else f"({config.split.replace('_', ' ')})"
    about = f"{unit} {where}{better}" if result.metric else ""
    paper_only = any(row.paper_only for row in result.rows.values())
    scores = [cell.score for cell in result.cells.values() if cell.score]
    if any(score.collapsed for score in scores):
        reading += ". Collapsed: runs that give one answer to every example, or numbers worse than their mean"
    if any(column.key.endswith("_interval") for column in columns) and any(len(one.values) > 1 for one in scores):
        reading += ". Intervals: over examples and, of several runs, seeds"
    parts = [config.caption, about, reading, "Rows without ours: not run here" if paper_only else "",
             config.scales[result.scale].note]
    caption = ". ".join(part.strip().rstrip(".") for part in parts if part) + "."
    source = f" ({config.source})" if config.source else ""
    title = f"{result.title}{source}, scale {result.scale}"
    return without_empty_columns(Table(title, columns, list(rows), caption, list(notes)))


