"""Single-label classification of texts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from jptransfer.config import DroppedEntities, TruncationSide
from jptransfer.tasks.base import IGNORED, Feature, Level, log_softmax, summarise

if TYPE_CHECKING:
    import pyarrow

    from jptransfer.text.types import Tokenizer


@dataclass(frozen=True)
class TextExample:
    """A text and its label (None: unknown)."""

    id: str
    text: str
    label: str | None

    @property
    def stratum(self) -> str:
        """The label."""
        return self.label or ""


@dataclass(frozen=True)
class LabelPrediction:
    """Gold label (None: unknown), predicted label, and probabilities in the order of the task's labels."""

    id: str
    text: str
    gold: str | None
    predicted: str
    probabilities: list[float]


class Classification:
    """One label a text; the head has one output a label."""

    kind = "classification"
    level = Level.sequence
    metric = "accuracy"
    example_type = TextExample
    fewest_labels = 2

    def __init__(self, labels: Sequence[str]) -> None:
        self.labels = list(labels)
        self.outputs = self.labels
        self._index = {label: index for index, label in enumerate(self.labels)}

    @staticmethod
    def labels_of(example: TextExample) -> list[str]:
        """The label, if it is known."""
        return [] if example.label is None else [example.label]

    @staticmethod
    def relabel(example: TextExample, names: Mapping[str, str],
                dropped_entities: DroppedEntities = DroppedEntities.entity) -> TextExample | None:
        """Rename the label; an empty name drops the example."""
        label = names.get(example.label or "", example.label)
        return replace(example, label=label) if label != "" else None

    @staticmethod
    def statistics(examples: Sequence[TextExample]) -> dict[str, Any]:
        """Examples, by label, and their mean length."""
        return summarise(examples, Classification.labels_of)

    def target(self, example: TextExample) -> int:
        """Index of the example's label, `IGNORED` without gold."""
        return IGNORED if example.label is None else self._index[example.label]

    def features(self, examples: Sequence[TextExample], tokenizer: Tokenizer,
                 max_length: int, truncation_side: TruncationSide = TruncationSide.right) -> list[Feature]:
        """One feature an example: its first (or last) pieces that fit, between the tokenizer's special tokens."""
        block = tokenizer.encode_lines(example.text for example in examples)
        ids, ends, room = block.ids.tolist(), np.cumsum(block.lengths).tolist(), max_length - len(tokenizer.template)
        made, start = [], 0
        for index, (example, end) in enumerate(zip(examples, ends, strict=True)):
            first = start if truncation_side is TruncationSide.right else max(start, end - room)
            kept = ids[first:min(end, first + room)]
            made.append(Feature(index, tokenizer.template.around(kept), [self.target(example)],
                                truncated=end - start - len(kept), special=tokenizer.template.places(len(kept))))
            start = end
        return made

    def report(self, examples: Sequence[TextExample], features: Sequence[Feature]) -> dict[str, int]:
        """Examples, and how many of them were truncated."""
        return {"examples": len(examples), "truncated": sum(feature.truncated > 0 for feature in features)}

    def decode(self, features: Sequence[Feature], scores: Sequence[np.ndarray], examples: Sequence[TextExample],
               paths: Sequence[np.ndarray] | None = None) -> list[LabelPrediction]:
        """Most probable label of each example; the first of equals."""
        if not features:
            return []
        rows = np.exp(log_softmax(np.stack([np.asarray(row) for row in scores])))
        best = rows.argmax(axis=1)
        return [
            LabelPrediction(example.id, example.text, example.label, self.labels[index], row.tolist())
            for example, index, row in zip(examples, best, rows, strict=True)
        ]

    def average(self, predictions: Sequence[Sequence[LabelPrediction]]) -> list[LabelPrediction]:
        """Mean of the models' probabilities; the most probable label, the first of equals."""
        means = np.mean([[row.probabilities for row in rows] for rows in predictions], axis=0)
        return [replace(row, predicted=self.labels[int(mean.argmax())], probabilities=mean.tolist())
                for row, mean in zip(predictions[0], means, strict=True)]

    def collapsed(self, predictions: Sequence[LabelPrediction]) -> str:
        """Name the class, if it is predicted for every text and is not the gold of every one."""
        answers, gold = ({getattr(row, field) for row in predictions} for field in ("predicted", "gold"))
        return f"predicts only '{answers.pop()}'" if len(answers) == 1 and answers != gold else ""

    def example(self, id: str, text: str) -> TextExample:
        """An example without a label."""
        return TextExample(id, text, None)

    def example_schema(self) -> pyarrow.Schema:
        """Columns id, text, label."""
        import pyarrow as pa

        return pa.schema([(name, pa.string()) for name in ("id", "text", "label")])

    def prediction_schema(self) -> pyarrow.Schema:
        """Columns id, text, gold, prediction, probability (of the prediction), probabilities (of all labels)."""
        import pyarrow as pa

        texts = [(name, pa.string()) for name in ("id", "text", "gold", "prediction")]
        return pa.schema([*texts, ("probability", pa.float64()), ("probabilities", pa.list_(pa.float64()))])

    def example_row(self, example: TextExample) -> dict[str, Any]:
        """The example's fields."""
        return dict(vars(example))

    def read_example(self, row: dict[str, Any]) -> TextExample:
        """Inverse of `example_row`."""
        return TextExample(**row)

    def prediction_row(self, prediction: LabelPrediction) -> dict[str, Any]:
        """The prediction's fields."""
        return {"id": prediction.id, "text": prediction.text, "gold": prediction.gold,
                "prediction": prediction.predicted, "probabilities": prediction.probabilities,
                "probability": prediction.probabilities[self.labels.index(prediction.predicted)]}

    def read_prediction(self, row: dict[str, Any]) -> LabelPrediction:
        """Inverse of `prediction_row`."""
        return LabelPrediction(row["id"], row["text"], row["gold"], row["prediction"], row["probabilities"])
