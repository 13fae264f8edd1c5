"""Gold and predicted answers side by side: what metrics are computed from.

The type of the outcomes decides which metrics fit a kind of task, so a new kind that returns one of these types has its
metrics at once.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from jptransfer.errors import DataError, unknown
from jptransfer.tasks import conlleval


@dataclass(frozen=True)
class Outcomes:
    """What is right and what was said, for the same examples in the same order."""

    gold: Sequence[Any]
    predicted: Sequence[Any]

    def __len__(self) -> int:
        return len(self.gold)


@dataclass(frozen=True)
class ValueOutcomes(Outcomes):
    """One number per example."""

    def arrays(self) -> tuple[np.ndarray, np.ndarray]:
        """Return gold and predicted numbers, float64 (examples,)."""
        return np.asarray(self.gold, dtype=np.float64), np.asarray(self.predicted, dtype=np.float64)

    def joined(self, other: Self) -> ValueOutcomes:
        """Return these examples followed by the other ones."""
        return ValueOutcomes([*self.gold, *other.gold], [*self.predicted, *other.predicted])


@dataclass(frozen=True)
class DecisionOutcomes(Outcomes):
    """Answers made of decisions for labels, each right or wrong; `labels`: all of them, in order."""

    labels: Sequence[str]

    @abstractmethod
    def counts(self) -> np.ndarray:
        """Return (examples, labels, 3) int64: right, predicted and gold decisions for each label of each example."""

    def per_label(self) -> dict[str, dict[str, float]]:
        """Return precision, recall, F1 and support (gold decisions) of each label or entity type."""
        sums = self.counts().sum(axis=0)
        rows = zip(self.labels, *precision_recall_f1(sums), sums[:, 2], strict=True)
        return {
            label: {"precision": float(p), "recall": float(r), "f1": float(f), "support": int(n)}
            for label, p, r, f, n in rows
        }


@dataclass(frozen=True)
class LabelOutcomes(DecisionOutcomes):
    """One label per example."""

    def index(self, answers: Sequence[str]) -> np.ndarray:
        """Return positions in `labels`, (examples,) int64.

        Raises:
            DataError: an answer is none of the labels.
        """
        position = {label: i for i, label in enumerate(self.labels)}
        try:
            return np.fromiter((position[answer] for answer in answers), dtype=np.int64, count=len(answers))
        except KeyError as error:
            raise DataError(unknown("label", str(error.args[0]), self.labels)) from None

    def counts(self) -> np.ndarray:
        """Return (examples, labels, 3) int64, see `DecisionOutcomes`."""
        gold, predicted = self.index(self.gold), self.index(self.predicted)
        rows = np.arange(len(gold))
        counts = np.zeros((len(gold), len(self.labels), 3), dtype=np.int64)
        counts[rows, predicted, 1] = 1
        counts[rows, gold, 2] = 1
        counts[..., 0] = counts[..., 1] & counts[..., 2]
        return counts

    def confusion(self) -> np.ndarray:
        """Return (labels, labels) int64 counts: rows gold, columns predicted."""
        size = len(self.labels)
        cells = self.index(self.gold) * size + self.index(self.predicted)
        return np.bincount(cells, minlength=size * size).reshape(size, size)


@dataclass(frozen=True)
class SpanOutcomes(DecisionOutcomes):
    """Typed spans of characters per example.

    Attributes:
        units: character ranges of each example's scored units, for scores of tags; entities do not need them.
    """

    units: Sequence[Sequence[tuple[int, int]]] = ()

    def counts(self) -> np.ndarray:
        """Count entities; one is right if start, end and type are, which is conlleval's rule for chunks."""
        counts = np.zeros((len(self.gold), len(self.labels), 3), dtype=np.int64)
        column = {label: i for i, label in enumerate(self.labels)}
        for row, gold, predicted in zip(counts, self.gold, self.predicted, strict=True):
            gold_set, predicted_set = set(map(tuple, gold)), set(map(tuple, predicted))
            for kind, spans in enumerate((gold_set & predicted_set, predicted_set, gold_set)):
                for *_, label in spans:
                    if label not in column:
                        raise DataError(unknown("entity type", label, self.labels))
                    row[column[label], kind] += 1
        return counts

    def tags(self) -> Iterator[tuple[list[str], list[str]]]:
        """Yield gold and predicted IOB2 tags of each example's units."""
        for units, gold, predicted in zip(self.units, self.gold, self.predicted, strict=True):
            yield conlleval.unit_tags(units, gold), conlleval.unit_tags(units, predicted)


def ratio(numerator: Any, denominator: Any) -> np.ndarray:
    """Divide elementwise; nothing over nothing is 0, as conlleval and scikit-learn have it."""
    numerator, denominator = np.broadcast_arrays(np.asarray(numerator, float), np.asarray(denominator, float))
    found: np.ndarray = np.divide(numerator, denominator, out=np.zeros(numerator.shape), where=denominator != 0)
    return found


def precision_recall_f1(counts: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return precision, recall and F1 of (..., 3) sums of right, predicted and gold decisions."""
    right, predicted, gold = np.moveaxis(counts, -1, 0)
    return ratio(right, predicted), ratio(right, gold), ratio(2 * right, predicted + gold)
