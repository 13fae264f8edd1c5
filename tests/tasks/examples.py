"""Labels, examples and predictions of every kind of task: a new kind adds its case here, and every contract test runs.

The examples are encoded with `tests.tasks.fakes.PairTokenizer`; of raw text its pieces of two characters are units.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from jptransfer.tasks.base import Task, make_task
from jptransfer.tasks.classification import LabelPrediction, TextExample
from jptransfer.tasks.ner import EntityExample, EntityPrediction
from jptransfer.tasks.regression import ValueExample, ValuePrediction
from jptransfer.tasks.spans import Span


@dataclass(frozen=True)
class Case:
    """One kind of task.

    Attributes:
        labels: of the task.
        examples: with gold, in which there is something to learn; the last one lacks gold.
        predictions: of some texts, the first ones with gold and wrong, the last one without gold.
    """

    labels: list[str]
    examples: list[Any]
    predictions: list[Any]

    def task(self, kind: str) -> Task:
        return make_task(kind, self.labels)


CASES = {
    "classification": Case(
        ["悪い", "良い"],
        [TextExample("a", "改行\nと\t「引用」", "良い"), TextExample("b", "狭い部屋", "悪い"),
         TextExample("c", "", None)],
        [LabelPrediction("a", "x", "悪い", "良い", [1 / 3, 2 / 3]), LabelPrediction("b", "", "悪い", "良い", [0, 1]),
         LabelPrediction("c", "", None, "良い", [0, 1])]),
    "ner": Case(
        ["LOC", "PER"],
        [EntityExample("a", "東京へ", (Span(0, 2, "LOC"),), ((0, 2), (2, 3))), EntityExample("b", "𠮷野家", (), None),
         EntityExample("d", "太郎は京都", (Span(0, 2, "PER"),), ((0, 2), (2, 3), (3, 5))),
         EntityExample("c", "x", None)],
        [EntityPrediction("a", "東京へ", [(0, 2), (2, 3)], [], [Span(0, 2, "LOC")], [1 / 3]),
         EntityPrediction("b", "京 へ", [(0, 2), (2, 3)], [Span(2, 3, "PER")], [Span(0, 2, "LOC")], [0.5]),
         EntityPrediction("c", "", [], None, [], [])]),
    "regression": Case(
        [],
        [ValueExample("a", "改行\nと\t「引用」", 0.1), ValueExample("b", "狭い部屋", -2.5),
         ValueExample("c", "", None)],
        [ValuePrediction("a", "x", 3.5, 1 / 3), ValuePrediction("b", "y", -1.0, 1e-30),
         ValuePrediction("c", "", None, 2.0)]),
}
