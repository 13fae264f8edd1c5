"""Kinds of figures: each is one function of a suite's results."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from jptransfer.report import numbers
from jptransfer.report.drawing import Figure, Theme, label
from jptransfer.suites.results import SuiteResult

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Canvas

PANEL = 3.2
"""Width of a column's panel in inches."""
HEADINGS = 2.0
"""Width of the rows' headings in inches."""


def points(result: SuiteResult) -> Figure:
    """Return a panel a column with a line a row: ours (filled) with its interval and runs, the paper's (hollow)."""
    axis = numbers.title(result.metric)
    return Figure("figure", f"{result.title}: {axis}",
                  "Filled: ours, mean over runs, with the interval and the single runs; hollow diamond: the paper. "
                  "The axes do not start at zero.",
                  HEADINGS + PANEL * len(result.columns), 1.2 + 0.42 * len(result.rows), partial(_draw, result, axis))


def _draw(result: SuiteResult, axis: str, canvas: Canvas, theme: Theme) -> None:
    panels = canvas.subplots(1, len(result.columns), sharey=True, squeeze=False)[0]
    for panel, (column, title) in zip(panels, result.columns.items(), strict=True):
        _draw_column(result, column, panel, theme)
        panel.set_title(label(title, 40))
        panel.set_xlabel(axis)
        panel.grid(axis="y", visible=False)
        panel.margins(x=0.12)
        panel.tick_params(axis="y", length=0)
    panels[0].set_yticks(range(len(result.rows)), [label(result.heading(row), 30) for row in result.rows])
    panels[0].set_ylim(len(result.rows) - 0.4, -0.6)


def _draw_column(result: SuiteResult, column: str, panel: Axes, theme: Theme) -> None:
    for index, row in enumerate(result.rows):
        cell, colour = result.cells[row, column], theme.colour(0)
        if cell.score:
            if cell.score.interval:
                limits = [result.shown(limit) for limit in cell.score.interval]
                panel.plot(limits, [index, index], color=colour, linewidth=3, alpha=0.45, solid_capstyle="round")
            if len(cell.score.values) > 1:
                panel.plot([result.shown(value) for value in cell.score.values], [index] * len(cell.score.values),
                           linestyle="none", marker="|", markersize=10, color=colour)
            panel.plot(result.shown(cell.score.value), index, marker="o", markersize=8, color=colour,
                       markeredgecolor=theme.paper)
        if cell.reported is not None:
            panel.plot(cell.reported, index, marker="D", markersize=7, color=theme.paper, markeredgecolor=theme.ink,
                       zorder=3)


