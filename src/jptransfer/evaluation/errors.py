"""What went wrong, example by example: for the report's pages of errors and for comparisons."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from jptransfer.evaluation.metrics import NER, label_counts
from jptransfer.evaluation.predictions import Predictions
from jptransfer.tasks.classification import LabelPrediction
from jptransfer.tasks.ner import EntityPrediction
from jptransfer.tasks.spans import Span


@dataclass(frozen=True)
class EntityErrors:
    """The entities of one text, sorted by what became of them.

    Attributes:
        right: found as they are.
        wrong: (gold, predicted) pairs that overlap and differ in border or type.
        missed: gold entities in no pair. `spurious`: predictions in no pair.
    """

    example: EntityPrediction
    right: list[Span]
    wrong: list[tuple[Span, Span]]
    missed: list[Span]
    spurious: list[Span]

    @property
    def count(self) -> int:
        """Entities that are not right."""
        return len(self.wrong) + len(self.missed) + len(self.spurious)


@dataclass(frozen=True)
class Difference:
    """An example on which two systems differ, with each one's answers, one a seed.

    `gain` is A's number of wrong decisions less B's, averaged over seeds: positive where B is better.
    """

    id: str
    text: str
    gold: Any
    a: list[Any]
    b: list[Any]
    gain: float


def confident_mistakes(predictions: Predictions, limit: int) -> list[LabelPrediction]:
    """Return wrongly classified examples, those with the highest probability for the wrong label first."""
    wrong = [row for row in predictions.rows if row.gold != row.predicted]
    return sorted(wrong, key=lambda row: (-max(row.probabilities), row.id))[:limit]


def entity_errors(example: EntityPrediction) -> EntityErrors:
    """Sort the entities of one text. An entity is in one pair at most; pairs are made from left to right."""
    gold, predicted = [Span(*s) for s in example.gold or []], [Span(*s) for s in example.predicted]
    right = [span for span in gold if span in set(predicted)]
    missed = [span for span in gold if span not in right]
    spurious = [span for span in predicted if span not in right]
    wrong = []
    for span in list(missed):
        partner = next((other for other in spurious if overlap(span, other)), None)
        if partner is not None:
            wrong.append((span, partner))
            missed.remove(span)
            spurious.remove(partner)
    return EntityErrors(example, right, wrong, missed, spurious)


def overlap(one: Span, two: Span) -> bool:
    """Tell whether two spans share a character."""
    return one.start < two.end and two.start < one.end


def worst_texts(predictions: Predictions, limit: int) -> list[EntityErrors]:
    """Return texts with errors in their entities, those with the most errors first."""
    found = [errors for errors in map(entity_errors, predictions.rows) if errors.count]
    return sorted(found, key=lambda errors: (-errors.count, errors.example.id))[:limit]


def wrong_decisions(runs: Sequence[Predictions]) -> np.ndarray:
    """Return (runs, examples) numbers of wrong decisions: a wrong label, or missed and spurious entities."""
    counts = np.stack([label_counts(run.outcomes).sum(axis=1) for run in runs])
    right, predicted, gold = np.moveaxis(counts, -1, 0)
    wrong = predicted + gold - 2 * right
    return wrong if runs[0].task.kind == NER else wrong // 2


def differences(a: Sequence[Predictions], b: Sequence[Predictions]) -> list[Difference]:
    """Return the examples on which two systems (each one run a seed) differ, in the order of the split."""
    gains = wrong_decisions(a).mean(axis=0) - wrong_decisions(b).mean(axis=0)
    found = []
    for i in np.flatnonzero(gains):
        row = a[0].rows[i]
        in_a, in_b = ([run.rows[i].predicted for run in runs] for runs in (a, b))
        found.append(Difference(row.id, row.text, row.gold, in_a, in_b, float(gains[i])))
    return found
