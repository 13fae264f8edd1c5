"""The figures of a report: results, learning curves, confusion, lengths."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from rich.cells import cell_len

from jptransfer.report import numbers
from jptransfer.report.drawing import DARK, Figure, Theme, integer_steps, label, marker
from jptransfer.report.results import Results, RowResult
from jptransfer.tasks.outcomes import ValueOutcomes

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Canvas

WIDTH = 6.6
COLUMN_INCHES = 0.09
"""Width of a column of text (half a kanji) at the size of tick labels."""
MOST_NUMBERED = 16
"""Confusion matrices with more labels have no numbers in their cells."""

Points = Sequence[tuple[float, float]]


def results_figure(results: Results, name: str) -> Figure:
    """Return the rows' scores: each run as a small mark, the mean as a large one, the interval as a line."""
    metric = numbers.title(results.metric.name)
    return Figure(name, f"{metric} on {results.task}",
                  "Large mark: mean over runs; small marks: single runs; line: "
                  f"{results.confidence:.0%} interval over examples and, of several runs, seeds. The axis does not "
                  "start at zero.",
                  WIDTH, 1.1 + 0.48 * len(results.rows), partial(_draw_results, results))


def _draw_results(results: Results, canvas: Canvas, theme: Theme) -> None:
    axes = canvas.subplots()
    scaled = partial(numbers.scaled, metric=results.metric.name)
    for index, row in enumerate(results.rows):
        if row.interval:
            axes.plot([scaled(limit) for limit in row.interval], [index, index], color=theme.colour(index), linewidth=3,
                      alpha=0.45, solid_capstyle="round")
        axes.plot([scaled(value) for value in row.score.values], [index] * len(row.runs), linestyle="none",
                  marker="|", markersize=11, color=theme.colour(index))
        axes.plot(scaled(row.score.mean), index, marker=marker(index), markersize=9, color=theme.colour(index),
                  markeredgecolor=theme.paper)
        axes.annotate(numbers.score(row.score.mean, results.metric.name), (scaled(row.score.mean), index),
                      xytext=(0, 8), textcoords="offset points", ha="center", fontsize=9)
    axes.axvline(scaled(results.base.score.mean), color=theme.ink, linewidth=0.8, linestyle=":")
    axes.set_yticks(range(len(results.rows)), [label(row.name) for row in results.rows])
    axes.set_ylim(len(results.rows) - 0.5, -0.65)
    axes.grid(axis="y", visible=False)
    axes.margins(x=0.08)
    axes.set_xlabel(numbers.title(results.metric.name))


def confusion_figure(results: Results, row: RowResult, name: str) -> Figure | None:
    """Return the confusion matrix of a row, runs added up; None if the task has none."""
    details = [one.details[results.split] for one in row.evaluations]
    if "confusion" not in details[0]:
        return None
    counts = np.sum([one["confusion"] for one in details], axis=0)
    labels = [label(text, 14) for text in row.evaluations[0].task.labels]
    size = min(WIDTH, 2.6 + 0.55 * len(labels))
    return Figure(name, f"Confusion matrix of {row.name}",
                  "Rows: gold, columns: predicted; decisions of all runs together, colour: share of the gold label.",
                  size, size * 0.92, partial(_draw_confusion, counts, labels))


def _draw_confusion(counts: np.ndarray, labels: Sequence[str], canvas: Canvas, theme: Theme) -> None:
    axes = canvas.subplots()
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    axes.imshow(shares, cmap=theme.ramp, vmin=0, vmax=1)
    crowded = max(map(cell_len, labels)) * COLUMN_INCHES * len(labels) > canvas.get_figwidth() - 1.4
    axes.set_xticks(range(len(labels)), labels, rotation=45 if crowded else 0, ha="right" if crowded else "center",
                    rotation_mode="anchor")
    axes.set_yticks(range(len(labels)), labels)
    axes.tick_params(length=0)
    axes.grid(visible=False)
    axes.spines[:].set_visible(False)
    axes.set_xlabel("predicted")
    axes.set_ylabel("gold")
    if len(labels) <= MOST_NUMBERED:
        _number_cells(axes, counts, shares, theme)


def _number_cells(axes: Axes, counts: np.ndarray, shares: np.ndarray, theme: Theme) -> None:
    small = len(counts) > 6
    for (gold, predicted), count in np.ndenumerate(counts):
        share = shares[gold, predicted]
        # Both ramps put saturated colour at one end: dark cells get light numbers.
        dark_cell = share < 0.55 if theme == DARK else share > 0.55
        text = f"{count:,}" if small else f"{count:,}\n{share:.0%}"
        axes.text(predicted, gold, text, ha="center", va="center", fontsize=8 if small else 9,
                  color="#ffffff" if dark_cell else "#10151c")


def scatter_figure(results: Results, row: RowResult, name: str) -> Figure | None:
    """Return predicted over gold numbers of a row, all runs together; None if the task has no numbers."""
    runs = [run.outcomes for run in row.predictions]
    points = [one.arrays() for one in runs if isinstance(one, ValueOutcomes)]
    if not points:
        return None
    return Figure(name, f"Predicted and gold numbers of {row.name}",
                  "A dot for each example and run; on the dotted line predictions are right.",
                  4.6, 4.4, partial(_draw_scatter, points))


def _draw_scatter(points: Sequence[tuple[np.ndarray, np.ndarray]], canvas: Canvas, theme: Theme) -> None:
    axes = canvas.subplots()
    gold, predicted = (np.concatenate(side) for side in zip(*points, strict=True))
    low, high = min(gold.min(), predicted.min()), max(gold.max(), predicted.max())
    axes.plot([low, high], [low, high], color=theme.ink, linewidth=0.8, linestyle=":")
    axes.plot(gold, predicted, linestyle="none", marker="o", markersize=4, color=theme.colour(0), markeredgewidth=0,
              alpha=max(0.08, min(0.6, 150 / len(gold))))
    axes.margins(0.05)
    axes.set_xlabel("gold")
    axes.set_ylabel("predicted")


def loss_figure(curves: Mapping[str, Mapping[str, Points]], name: str = "language_models") -> Figure | None:
    """Return the loss of language models over steps.

    Args:
        curves: label of the model -> split (`train`, `validation`) -> (step, loss) points.
    """
    if not any(points for splits in curves.values() for points in splits.values()):
        return None
    return Figure(name, "Training of the language models", "Thin: training batches; marks: validation split.",
                  WIDTH, 3.6, partial(_draw_loss, curves))


def _draw_loss(curves: Mapping[str, Mapping[str, Points]], canvas: Canvas, theme: Theme) -> None:
    axes = canvas.subplots()
    for index, (model, splits) in enumerate(curves.items()):
        if splits.get("train"):
            axes.plot(*zip(*splits["train"], strict=True), color=theme.colour(index), linewidth=1, alpha=0.5)
        style: dict[str, Any] = {"color": theme.colour(index), "marker": marker(index), "markersize": 4}
        if splits.get("validation"):
            axes.plot(*zip(*splits["validation"], strict=True), **style)
        axes.plot([], [], **style, label=label(model, 40))
    integer_steps(axes)
    axes.set_xlabel("updates")
    axes.set_ylabel("loss")
    axes.legend()


def finetuning_figure(curves: Mapping[str, Sequence[Points]], metric: str, name: str) -> Figure | None:
    """Return the validation metric of rows over epochs.

    Args:
        curves: row -> one list of (epoch, value) points a seed; rows without any are left out, but keep their colour.
    """
    if not any(any(runs) for runs in curves.values()):
        return None
    return Figure(name, f"Fine-tuning: {numbers.title(metric)} on the validation split",
                  "Line: mean over runs; band: smallest to largest run.", WIDTH, 3.6,
                  partial(_draw_finetuning, curves, metric))


def _draw_finetuning(curves: Mapping[str, Sequence[Points]], metric: str, canvas: Canvas, theme: Theme) -> None:
    axes = canvas.subplots()
    for index, (row, runs) in enumerate(curves.items()):
        at: dict[float, list[float]] = defaultdict(list)
        for epoch, value in (point for run in runs for point in run):
            at[epoch].append(numbers.scaled(value, metric))
        if at:
            line_with_band(axes, at, index, row, theme)
    integer_steps(axes)
    axes.set_xlabel("epochs")
    axes.set_ylabel(numbers.title(metric))
    axes.legend()


def line_with_band(axes: Axes, at: Mapping[float, Sequence[float]], index: int, name: str, theme: Theme) -> None:
    """Draw the mean of several runs as a line with marks, from their smallest to their largest value a band.

    Args:
        at: place on the horizontal axis -> the runs' values there. `index`: of the colour and the mark.
    """
    places = sorted(at)
    low, high = [min(at[place]) for place in places], [max(at[place]) for place in places]
    axes.fill_between(places, low, high, color=theme.colour(index), alpha=0.18, linewidth=0)
    axes.plot(places, [sum(at[place]) / len(at[place]) for place in places], color=theme.colour(index),
              marker=marker(index), markersize=5, label=label(name, 40))


def lengths_figure(lengths: Mapping[str, Any], title: str, unit: str, name: str) -> Figure | None:
    """Return the distribution of lengths in each split, as shares, up to the longest but one per cent.

    Args:
        lengths: split -> length of every text in `unit`, a list or an array.
    """
    lengths = {split: values for split, values in lengths.items() if len(values)}
    if not lengths:
        return None
    return Figure(name, title, f"Share of texts by length in {unit}; the longest 1% are beyond the right edge.",
                  WIDTH, 2.8, partial(_draw_lengths, lengths, unit))


def _draw_lengths(lengths: Mapping[str, Any], unit: str, canvas: Canvas, theme: Theme) -> None:
    from matplotlib.ticker import PercentFormatter

    axes = canvas.subplots()
    edge = max(2, int(np.ceil(max(np.quantile(values, 0.99) for values in lengths.values()))))
    bins = np.arange(0.5, edge + 1.5 + edge // 30, max(1, edge // 30))
    for index, (split, values) in enumerate(lengths.items()):
        shares, _ = np.histogram(values, bins)
        first = index == 0
        axes.stairs(shares / len(values), bins, color=theme.colour(index), fill=first, alpha=0.45 if first else 1,
                    linewidth=1.6, label=f"{split} (median {np.median(values):,.0f}, n = {len(values):,})")
    axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=None))
    axes.set_xlim(0, bins[-1])
    integer_steps(axes)
    axes.set_xlabel(f"length in {unit}")
    axes.legend()
