"""Kinds of figures; each is a function of a suite's results."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from jptransfer.artifacts import Artifact
from jptransfer.config import SubsetConfig
from jptransfer.config.plain import from_plain
from jptransfer.report import numbers
from jptransfer.report.drawing import Figure, Theme, integer_steps, label, logarithmic, marker
from jptransfer.report.figures import WIDTH, line_with_band
from jptransfer.suites.results import SuiteResult
from jptransfer.tasks.files import training_counts
from jptransfer.training.history import HISTORY

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Canvas

PANEL = 3.2
"""Width in inches of a column's panel."""
HEADINGS = 2.0
"""Width in inches of the rows' headings."""
HEIGHT = 4.0
"""Height in inches of figures with one panel."""
MOST_NAMED = 12
"""Maximum number of tags that are named in a figure."""


def points(result: SuiteResult) -> Figure:
    """Return a panel per column with a line per row: our score (filled) with interval and runs, the paper's (hollow).
    """
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
        if cell.paper_value is not None:
            panel.plot(cell.paper_value, index, marker="D", markersize=7, color=theme.paper, markeredgecolor=theme.ink,
                       zorder=3)


def tag_frequency(result: SuiteResult) -> Figure | None:
    """Return a curve per row: the number of occurrences of each tag in the training split, most frequent tag first.

    Cells must be of kind `dataset`. As figure 2 of Johnson et al. (2019).
    """
    curves = {row: sorted(tags.values(), reverse=True) for row, tags in _tags_by_row(result) if tags}
    if not curves:
        return None
    return Figure("figure", result.title, "The tags of a training split by rank, both axes logarithmic.", WIDTH, HEIGHT,
                  partial(_draw_frequencies, {result.heading(row): counts for row, counts in curves.items()}))


def _tags_by_row(result: SuiteResult) -> Iterator[tuple[str, Mapping[str, int]]]:
    for row in result.rows:
        datasets = (one for column in result.columns for one in result.cells[row, column].artifacts)
        yield row, next((training_counts(one.path) for one in datasets), {})


def _draw_frequencies(curves: Mapping[str, Sequence[int]], canvas: Canvas, theme: Theme) -> None:
    axes = canvas.subplots()
    for index, (name, counts) in enumerate(curves.items()):
        axes.plot(range(1, len(counts) + 1), counts, color=theme.colour(index), marker=marker(index), markersize=3.5,
                  markeredgewidth=0, linewidth=1.2,
                  label=f"{label(name, 40)}: {numbers.count(len(counts), 'tag')}")
    logarithmic(axes, "x")
    logarithmic(axes, "y")
    axes.set_xlabel("rank of the tag")
    axes.set_ylabel("entities in the training split")
    axes.legend()


def learning_curve(result: SuiteResult) -> Figure | None:
    """Return a line per row: its score over the number of training examples, which differs between columns.

    As figure 3 of Johnson et al. (2019).
    """
    curves = {row: at for row in result.rows if (at := _by_size(result, row))}
    if not curves:
        return None
    axis = numbers.title(result.metric)
    return Figure("figure", f"{result.title}: {axis}",
                  "Line: mean over runs; band: smallest to largest run. The horizontal axis is logarithmic, the "
                  "vertical one does not start at zero.", WIDTH, HEIGHT,
                  partial(_draw_curves, {result.heading(row): at for row, at in curves.items()}, axis))


def _by_size(result: SuiteResult, row: str) -> dict[float, list[float]]:
    """Return number of training examples -> scores of all runs with that number; runs without a model are left out."""
    found: dict[float, list[float]] = {}
    for column in result.columns:
        cell = result.cells[row, column]
        for run, value in zip(cell.artifacts, cell.score.values if cell.score else (), strict=False):
            if model := result.made_of(run, "task_model"):
                found.setdefault(model.manifest.summary["values"]["train_examples"], []).append(result.shown(value))
    return found


def training_curve(result: SuiteResult) -> Figure | None:
    """Return a line per row: the first column's number on the validation split over updates of the training.

    Cells must be of kind `language_model`, and the column's `count` a number of their history. As figure 1 of Radford
    et al. (2017).
    """
    column = next(iter(result.columns))
    (wanted, *_) = result.suite.config.columns[column].count
    curves = {result.heading(row): dict(found) for row in result.rows
              if (found := list(_recorded(result.cells[row, column].artifacts, wanted)))}
    if not curves:
        return None
    return Figure("figure", f"{result.title}: {wanted.replace('_', ' ')}",
                  "On the validation part of the corpus. The vertical axis does not start at zero.", WIDTH, HEIGHT,
                  partial(_draw_training, curves, wanted.replace("_", " ")))


def unit_histogram(result: SuiteResult) -> Figure | None:
    """Return the histogram of the first cell that has a result of probe `sentiment_unit`.

    As figure 3 of Radford et al. (2017).
    """
    from jptransfer.probes.base import RESULT
    from jptransfer.probes.sentiment_unit import histogram_figure

    for cell in result.cells.values():
        for run in cell.artifacts:
            return replace(histogram_figure(json.loads((run.path / RESULT).read_text(encoding="utf-8"))), name="figure")
    return None


def _recorded(runs: Sequence[Artifact], wanted: str) -> Iterator[tuple[int, float]]:
    for run in runs[:1]:
        for line in (run.path / HISTORY).read_text(encoding="utf-8").splitlines():
            record = json.loads(line)
            if record["split"] == "validation" and wanted in record:
                yield record["step"], record[wanted]


def _draw_training(curves: Mapping[str, Mapping[int, float]], axis: str, canvas: Canvas, theme: Theme) -> None:
    axes = canvas.subplots()
    for index, (name, at) in enumerate(curves.items()):
        axes.plot(list(at), list(at.values()), color=theme.colour(index), marker=marker(index), markersize=4,
                  label=label(name, 40))
    integer_steps(axes)
    axes.set_xlabel("updates")
    axes.set_ylabel(axis)
    axes.legend()


def _draw_curves(curves: Mapping[str, Mapping[float, Sequence[float]]], axis: str, canvas: Canvas,
                 theme: Theme) -> None:
    axes = canvas.subplots()
    for index, (name, at) in enumerate(curves.items()):
        line_with_band(axes, at, index, name, theme)
    logarithmic(axes, "x", sorted({size for at in curves.values() for size in at}))
    axes.set_xlabel("training examples")
    axes.set_ylabel(axis)
    axes.legend()


@dataclass(frozen=True)
class TagChange:
    """F1 of a tag in two rows, in points of 100, and the number of its occurrences in training."""

    name: str
    seen: int
    before: float
    after: float


def tag_arrows(result: SuiteResult) -> Figure | None:
    """Return a panel per cell outside the baseline's row, with an arrow per tag from the baseline's F1 to the row's.

    As figure 4 of Johnson et al. (2019).
    """
    rows = [row for row in result.rows if row != result.suite.config.base]
    panels = {(row, column): tag_changes(result, row, column) for row in rows for column in result.columns}
    panels = {cell: changes for cell, changes in panels.items() if changes}
    if not panels:
        return None
    base = result.heading(result.suite.config.base)
    titles = {cell: _panel_title(result, *cell, base) for cell in panels}
    return Figure("figure", f"{result.title}: F1 by tag",
                  f"Each arrow is a tag: from its F1 in {base} to that in the other row, means over runs; a circle did "
                  "not change. Tags that occur equally often stand side by side; those that do not occur in training "
                  "or in what is scored are left out.", WIDTH, HEIGHT * len(panels),
                  partial(_draw_arrows, {titles[cell]: changes for cell, changes in panels.items()}))


def _panel_title(result: SuiteResult, row: str, column: str, base: str) -> str:
    where = f", {result.columns[column]}" if len(result.columns) > 1 else ""
    return f"{base} → {result.heading(row)}{where}"


def tag_changes(result: SuiteResult, row: str, column: str) -> list[TagChange]:
    """Return the tags of a cell and of the baseline in the same column; empty if one of the two has no score."""
    cells = [result.cells[one, column] for one in (result.suite.config.base, row)]
    if not all(cell.score for cell in cells):
        return []
    seen = seen_tags(result, cells[0].artifacts[0])
    before, after = (tag_scores(cell.artifacts, result.suite.config.split) for cell in cells)
    return [TagChange(tag, seen[tag], before[tag], after[tag]) for tag in before if seen.get(tag)]


def tag_scores(runs: Sequence[Artifact], split: str) -> dict[str, float]:
    """Return the mean F1 in points of 100 of every tag that occurs in a split, read from the evaluations."""
    from jptransfer.evaluation.predictions import load_evaluation

    scored = [load_evaluation(run.path).details[split].get("per_label", {}) for run in runs]
    return {tag: 100 * sum(one[tag]["f1"] for one in scored) / len(scored)
            for tag, scores in scored[0].items() if scores["support"]}


def seen_tags(result: SuiteResult, run: Artifact) -> Mapping[str, int]:
    """Return the number of occurrences of each tag in a run's training examples (the training split or a subset)."""
    from jptransfer.learners.subsets import take
    from jptransfer.tasks.files import open_dataset
    from jptransfer.tasks.splits import read_role

    dataset, model = result.made_of(run, "dataset"), result.made_of(run, "task_model")
    if not dataset or not model:
        return {}
    subset = from_plain(SubsetConfig, model.manifest.recipe["config"]["finetuning"]["subset"])
    if subset.n is None and subset.fraction is None:
        return training_counts(dataset.path)
    task = open_dataset(dataset.path)
    return task.statistics(take(read_role(task, dataset.path, "fit"), subset))["labels"]  # type: ignore[no-any-return]


def _draw_arrows(panels: Mapping[str, Sequence[TagChange]], canvas: Canvas, theme: Theme) -> None:
    grid = canvas.subplots(len(panels), 1, squeeze=False)[:, 0]
    for axes, (title, changes) in zip(grid, panels.items(), strict=True):
        for place, change in zip(side_by_side([change.seen for change in changes]), changes, strict=True):
            few = len(changes) <= MOST_NAMED
            _draw_change(axes, place, change, 8 if few else 5, theme)
            if few:
                axes.annotate(label(change.name, 16), (place, max(change.before, change.after)), xytext=(0, 6),
                              textcoords="offset points", ha="center", fontsize=8)
        logarithmic(axes, "x")
        axes.set_title(label(title, 60))
        axes.set_xlabel("entities of the tag in training")
        axes.set_ylabel("F1 of the tag")
        _explain_arrows(axes, changes, theme)


def side_by_side(seen: Sequence[int]) -> list[float]:
    """Return positions on a logarithmic axis; equal numbers are placed side by side before the next whole number."""
    sizes, met = Counter(seen), Counter[int]()
    places = []
    for number in seen:
        share = (met[number] + 0.5) / sizes[number] - 0.5
        met[number] += 1
        places.append(number * (1 + 1 / number) ** (0.8 * share))
    return places


def _draw_change(axes: Axes, place: float, change: TagChange, size: float, theme: Theme) -> None:
    from matplotlib.markers import CARETDOWN, CARETUP

    if change.after == change.before:
        axes.plot(place, change.before, marker="o", markersize=size, color=theme.ink, markerfacecolor="none")
        return
    better = change.after > change.before
    colour = theme.colour(0) if better else theme.red
    axes.plot([place, place], [change.before, change.after], color=colour, linewidth=1.3)
    # The tip of this marker is at the point, not its centre.
    axes.plot(place, change.after, marker=CARETUP if better else CARETDOWN, markersize=size, color=colour)


def _explain_arrows(axes: Axes, changes: Sequence[TagChange], theme: Theme) -> None:
    from matplotlib.lines import Line2D

    kinds = [("better", "^", theme.colour(0), theme.colour(0), sum(one.after > one.before for one in changes)),
             ("worse", "v", theme.red, theme.red, sum(one.after < one.before for one in changes)),
             ("no change", "o", theme.ink, "none", sum(one.after == one.before for one in changes))]
    axes.legend(handles=[Line2D([], [], linestyle="none", marker=sign, color=edge, markerfacecolor=fill, markersize=7,
                                label=f"{name}: {numbers.count(number, 'tag')}")
                         for name, sign, edge, fill, number in kinds if number])
