"""Single units of frozen features: how well one number of each text tells two classes apart (Radford et al. 2017).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

BLOCK = 256
"""Units that are sorted together."""


@dataclass(frozen=True)
class Thresholds:
    """The best decision that each unit makes alone, on the examples that it was fitted to.

    Attributes:
        threshold: (units,) what a text's value is compared with.
        polarity: (units,) 1 if values above the threshold mean the positive class, else -1.
        accuracy: (units,) share of examples that are decided correctly.
    """

    threshold: np.ndarray
    polarity: np.ndarray
    accuracy: np.ndarray

    def predict(self, unit: int, values: np.ndarray) -> np.ndarray:
        """Return for each value (n,) of a unit whether it means the positive class."""
        return (values > self.threshold[unit]) == (self.polarity[unit] > 0)


def best_thresholds(rows: np.ndarray, positive: np.ndarray) -> Thresholds:
    """Fit a threshold and a polarity for every unit.

    A threshold lies in the middle between two neighbouring values; of equally good ones the lowest is taken.

    Args:
        rows: (examples, units) features, also memory-mapped.
        positive: (examples,) bool.
    """
    parts = [_of_block(np.asarray(rows[:, first:first + BLOCK]), positive) for first in range(0, rows.shape[1], BLOCK)]
    return Thresholds(*(np.concatenate(part) for part in zip(*parts, strict=True)))


def _of_block(rows: np.ndarray, positive: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    count, width = rows.shape
    order = rows.argsort(0, kind="stable")
    values = np.take_along_axis(rows, order, 0)
    below = np.zeros((count + 1, width), dtype=np.int64)  # positive examples among the k smallest values
    np.cumsum(positive[order], axis=0, out=below[1:])
    right = np.arange(count + 1)[:, None] - 2 * below + positive.sum()
    right[1:-1][values[1:] == values[:-1]] = -1  # equal values are not told apart
    best_up, best_down = right.argmax(0), np.where(right < 0, count + 1, right).argmin(0)
    columns = np.arange(width)
    up, down = right[best_up, columns], count - right[best_down, columns]
    place = np.where(up >= down, best_up, best_down)
    lower, upper = values[np.maximum(place - 1, 0), columns], values[np.minimum(place, count - 1), columns]
    threshold = np.where(place == 0, lower - 1, np.where(place == count, upper + 1, (lower + upper) / 2))
    return threshold.astype(np.float64), np.where(up >= down, 1, -1), np.maximum(up, down) / count


def contributions(weight: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Return the share (units,) that each unit has in the sum of |weight| times the unit's standard deviation."""
    spread = np.concatenate([np.asarray(rows[:, first:first + BLOCK]).std(0, dtype=np.float64)
                             for first in range(0, rows.shape[1], BLOCK)])
    part = np.abs(weight) * spread
    return part / (part.sum() or 1.0)
