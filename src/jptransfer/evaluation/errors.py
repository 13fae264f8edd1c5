"""What went wrong, example by example: for the report's lists of errors and for comparisons."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from jptransfer.evaluation.predictions import Predictions


@dataclass(frozen=True)
class Difference:
    """An example on which two systems differ, with each one's answers, one per seed.

    `gain` is A's error less B's (see `Task.error`), averaged over seeds: positive where B is better.
    """

    id: str
    text: str
    gold: Any
    a: list[Any]
    b: list[Any]
    gain: float
    text_pair: str | None = None


def worst(predictions: Predictions, limit: int) -> list[Any]:
    """Return predictions with errors: the largest error first, of equal errors the most confident one."""
    task = predictions.task
    wrong = [row for row in predictions.rows if task.error(row)]
    return sorted(wrong, key=lambda row: (-task.error(row), -(task.confidence(row) or 0.0), row.id))[:limit]


def differences(a: Sequence[Predictions], b: Sequence[Predictions]) -> list[Difference]:
    """Return the examples on which two systems (each one run per seed) differ, in the order of the split."""
    before, after = (np.array([[run.task.error(row) for row in run.rows] for run in runs]) for runs in (a, b))
    gains = before.mean(axis=0) - after.mean(axis=0)
    found = []
    for i in np.flatnonzero(gains):
        row = a[0].rows[i]
        in_a, in_b = ([run.rows[i].predicted for run in runs] for runs in (a, b))
        found.append(Difference(row.id, row.text, row.gold, in_a, in_b, float(gains[i]), row.text_pair))
    return found
