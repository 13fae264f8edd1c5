"""Write a suite's results as Markdown, CSV, LaTeX, JSON, figure and page; several suites share one page."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jptransfer.files import json_text
from jptransfer.registry import FIGURES, LAYOUTS
from jptransfer.report import numbers, tables
from jptransfer.report.drawing import Figure, save
from jptransfer.report.page import environment
from jptransfer.report.tables import Table
from jptransfer.suites.results import CellResult, SuiteResult


@dataclass(frozen=True)
class CellNote:
    """A cell in the list on the page."""

    where: str
    artifacts: list[str]
    command: str


@dataclass(frozen=True)
class Section:
    """The rendered parts of a suite: table, figure and notes on the cells."""

    result: SuiteResult
    table: Table
    figure: Figure | None

    @property
    def name(self) -> str:
        """The suite's name."""
        return self.result.suite.name

    @property
    def anchor(self) -> str:
        """The suite's name as an anchor of a URL."""
        return self.name.replace("/", "-")

    @property
    def title(self) -> str:
        """Title of the table."""
        return self.result.title

    @property
    def source(self) -> str:
        """Paper and number of the table."""
        return self.result.suite.config.source

    @property
    def state(self) -> str:
        """Number of cells with a result."""
        asked = [cell for cell in self.result.cells.values() if cell.overrides]
        there = sum(cell.score is not None for cell in asked)
        return f"{there} of {numbers.count(len(asked), 'cell')}"

    @property
    def command(self) -> str:
        """The command that makes this table."""
        return shlex.join(["jpt", "reproduce", self.result.suite.file or self.name, f"scale={self.result.scale}",
                           *self.result.options, *self.result.changes])

    @property
    def cells(self) -> list[CellNote]:
        """Notes on the selected cells."""
        return [_note(self.result, cell) for cell in self.result.cells.values() if cell.overrides]


def _note(result: SuiteResult, cell: CellResult) -> CellNote:
    seeds = [f"seeds=[{','.join(map(str, cell.seeds))}]"] if cell.seeds else []
    return CellNote(f"{result.heading(cell.row)} · {result.columns[cell.column]}",
                    [artifact.label for artifact in cell.artifacts],
                    shlex.join(["jpt", "run", *result.options, *cell.overrides, *seeds]))


def section(result: SuiteResult) -> Section:
    """Build the table and the figure of a suite with the configured layout and kind of figure."""
    config = result.suite.config
    drawn = any(cell.score or cell.paper_value is not None for cell in result.cells.values())
    figure = FIGURES.load(config.figure)(result) if config.figure and drawn else None
    return Section(result, LAYOUTS.load(config.layout)(result), figure)


def write(made: Section, folder: Path) -> Path:
    """Write every format of one suite into `folder` and return the page's path."""
    folder.mkdir(parents=True, exist_ok=True)
    files = {
        "table.md": tables.document([made.table]), "table.csv": tables.csv_text(made.table),
        "table.tex": tables.latex(made.table, f"tab:{made.anchor}"),
        "table.json": json_text(to_json(made), indent=1) + "\n",
        "page.html": page([made], made.title, made.result.scale),
    }
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
    if made.figure:
        save(made.figure, folder)
    return folder / "page.html"


def page(sections: Sequence[Section], title: str, scale: str) -> str:
    """Return one self-contained page of all sections."""
    return environment().get_template("suite.html.j2").render(sections=sections, title=title, scale=scale)


def to_json(made: Section) -> dict[str, Any]:
    """Return all results as plain JSON data, at full precision."""
    result = made.result
    return {"suite": made.name, "scale": result.scale, "metric": result.metric, "title": made.title,
            "source": made.source, "cells": [_cell_json(cell) for cell in result.cells.values()]}


def _cell_json(cell: CellResult) -> dict[str, Any]:
    score = cell.score
    return {"row": cell.row, "column": cell.column, "paper_value": cell.paper_value, "value": score and score.value,
            "values": score and list(score.values), "interval": score and score.interval, "problem": cell.problem,
            "artifacts": [artifact.label for artifact in cell.artifacts], "overrides": list(cell.overrides)}
