"""The unit of an encoder that tells two classes apart by itself (Radford et al. 2017, section 4, figures 3 and 4)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from jptransfer.errors import ConfigError, DataError, unknown
from jptransfer.files import json_text
from jptransfer.learners.features import StoredFeatures
from jptransfer.learners.l1_path import l1_path
from jptransfer.learners.units import Thresholds, best_thresholds, contributions
from jptransfer.pipeline.stage import Summary
from jptransfer.probes.base import RESULT, ProbeContext
from jptransfer.probes.sentiment_unit_settings import RankBy, SentimentUnitConfig
from jptransfer.report.drawing import Figure, Theme, save
from jptransfer.tasks.abilities import Labelled
from jptransfer.tasks.base import Task
from jptransfer.tasks.files import open_dataset
from jptransfer.tasks.splits import read_role


@dataclass(frozen=True)
class Split:
    """Features (n, units) of texts of the two classes, which of them are positive (n,), and how many were left out."""

    rows: np.ndarray
    positive: np.ndarray
    left_out: int


def sentiment_unit(context: ProbeContext) -> Summary:
    """Find the unit, and write `RESULT` and the histogram of its values by class (``histogram.png``, ``.svg``).

    Thresholds and weights are fitted on the split of role `fit`; C is chosen and everything is scored on that of
    `select`. The split of `final` is never read: `finetuning.linear_probe.units` makes models that `jpt eval` scores.

    Raises:
        ConfigError: a task whose labels are not two and of which none are chosen, or that has no validation split.
        DataError: a class without texts.
    """
    settings: SentimentUnitConfig = context.settings
    task, stored = open_dataset(context.inputs["dataset"]), StoredFeatures.open(context.inputs["features"])
    labels = _labels(settings, task)
    folder = context.inputs["dataset"]
    train = _split(read_role(task, folder, "fit"), stored, "fit", labels)
    unseen = _split(read_role(task, folder, "select"), stored, "select", labels)
    weight, c, whole = _all_units(settings, train, unseen, context)
    share, alone = contributions(weight, train.rows), best_thresholds(train.rows, train.positive)
    ranks = {RankBy.weight: _order(share, alone.accuracy), RankBy.accuracy: _order(alone.accuracy, share)}
    listed = [_describe(unit, weight, share, alone, unseen) for unit in ranks[settings.rank_by][:settings.top]]
    best = listed[0]
    counts, edges = _histogram(train, best["unit"], settings.bins)
    values: dict[str, Any] = {
        **best, "labels": labels, "ranked_by": settings.rank_by.value, "units": train.rows.shape[1],
        "all_units": {"accuracy": whole, "c": c, "nonzero": int(np.count_nonzero(weight))},
        "majority": float(max(unseen.positive.mean(), 1 - unseen.positive.mean())),
        "best_by": {rank.value: int(order[0]) for rank, order in ranks.items()},
        "texts": {"fit": len(train.positive), "select": len(unseen.positive)},
        "left_out": {"fit": train.left_out, "select": unseen.left_out}}
    result = {**values, "ranking": listed, "histogram": {"edges": edges, **dict(zip(labels, counts, strict=True))}}
    (context.out / RESULT).write_text(json_text(result, indent=1) + "\n", encoding="utf-8")
    save(histogram_figure(result), context.out)
    return Summary(f"unit {best['unit']:,}: validation accuracy {best['accuracy']:.4f} with one unit, {whole:.4f} with "
                   f"all {values['units']:,}, {values['majority']:.4f} by the larger class", values)


def _labels(settings: SentimentUnitConfig, task: Task) -> list[str]:
    if not isinstance(task, Labelled):
        raise ConfigError(f"probe=sentiment_unit tells classes apart, and a task of kind {task.kind} has none")
    for label in settings.labels:
        if label not in task.labels:
            raise ConfigError(f"probe.sentiment_unit.labels: {unknown('label', label, task.labels)}")
    labels = settings.labels or task.labels
    if len(labels) != 2:
        raise ConfigError("probe.sentiment_unit.labels: name the negative and the positive label, of: "
                          f"{', '.join(task.labels[:20])}")
    return list(labels)


def _split(examples: Sequence[Any], stored: StoredFeatures, role: str, labels: Sequence[str]) -> Split:
    chosen = [example for example in examples if example.label in labels]
    positive = np.array([example.label == labels[1] for example in chosen], dtype=bool)
    if not len(positive) or positive.all() or not positive.any():
        absent = [label for label in labels if label not in {example.label for example in chosen}]
        raise DataError(f"the split of role {role} has no text of label {' and '.join(absent)}")
    return Split(stored.rows(role, chosen), positive, len(examples) - len(chosen))


def _all_units(settings: SentimentUnitConfig, train: Split, unseen: Split,
               context: ProbeContext) -> tuple[np.ndarray, float, float]:
    """Return weights, C and validation accuracy of the regression on all units that is best on validation texts."""
    best: tuple[np.ndarray, float, float] | None = None
    path = l1_path(train.rows, train.positive, settings.c)
    for found in context.runtime.track(path, "all units", len(settings.c)):
        accuracy = float(((unseen.rows @ found.weight + found.bias > 0) == unseen.positive).mean())
        if best is None or accuracy > best[2]:
            best = found.weight, found.c, accuracy
    assert best is not None
    return best


def _order(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Return units from the largest `first` on; of equal ones that of the larger `second` comes first."""
    return np.lexsort((-second, -first))


def _describe(unit: int, weight: np.ndarray, share: np.ndarray, alone: Thresholds, unseen: Split) -> dict[str, Any]:
    right = alone.predict(unit, unseen.rows[:, unit]) == unseen.positive
    return {"unit": int(unit), "weight": float(weight[unit]), "contribution": float(share[unit]),
            "polarity": int(alone.polarity[unit]), "threshold": float(alone.threshold[unit]),
            "accuracy": float(right.mean()), "fit_accuracy": float(alone.accuracy[unit])}


def _histogram(train: Split, unit: int, bins: int) -> tuple[list[list[int]], list[float]]:
    values = train.rows[:, unit]
    edges = np.histogram_bin_edges(values, bins)
    counts = [np.histogram(values[train.positive == chosen], edges)[0].tolist() for chosen in (False, True)]
    return counts, edges.tolist()


def histogram_figure(result: Mapping[str, Any]) -> Figure:
    """Return the histogram of a unit's values by class; `result`: the contents of `RESULT`."""
    histogram = result["histogram"]

    def draw(canvas: Any, theme: Theme) -> None:
        axes = canvas.add_subplot()
        for index, label in enumerate(result["labels"]):
            bars, edges = histogram[label], histogram["edges"]
            axes.stairs(bars, edges, fill=True, alpha=0.55, color=theme.colour(index), label=label)
            axes.stairs(bars, edges, color=theme.colour(index), linewidth=1)
        axes.axvline(result["threshold"], color=theme.ink, linestyle="--", linewidth=1, label="threshold")
        axes.set_xlabel(f"value of unit {result['unit']:,}")
        axes.set_ylabel("texts")
        axes.set_ylim(bottom=0)
        axes.legend()

    title = f"Unit {result['unit']:,} by class"
    return Figure("histogram", title, "Training texts by the unit's value.", 6.4, 3.6, draw)
