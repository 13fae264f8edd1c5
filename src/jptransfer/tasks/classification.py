"""Single-label classification of texts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from jptransfer.config.task import DroppedEntities
from jptransfer.tasks.base import IGNORED, Feature, Level, Limits, Output, log_softmax, summarise
from jptransfer.tasks.outcomes import LabelOutcomes, Outcomes
from jptransfer.tasks.texts import count_truncated, encode_texts

if TYPE_CHECKING:
    import pyarrow

    from jptransfer.text.types import Tokenizer


@dataclass(frozen=True)
class TextExample:
    """A text or two and their label (None: unknown)."""

    id: str
    text: str
    label: str | None
    text_pair: str | None = None

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
    text_pair: str | None = None


class Classification:
    """One label per text; the head has one output per label."""

    kind: ClassVar[str] = "classification"
    output: ClassVar[Output] = Output(Level.sequence, "cross_entropy", "AutoModelForSequenceClassification",
                                      "text-classification")
    metrics: ClassVar[tuple[str, ...]] = ("accuracy", "error_rate", "macro_f1", "micro_f1")
    example_type: ClassVar[type] = TextExample
    outcomes_type: ClassVar[type[Outcomes]] = LabelOutcomes
    fewest_labels: ClassVar[int] = 2
    exact: ClassVar[bool] = True

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

    @staticmethod
    def read_target(id: str, text: str, target: str) -> TextExample:
        """The cell is the label."""
        return TextExample(id, text, target)

    def targets(self, examples: Sequence[TextExample]) -> np.ndarray:
        """Indices of the labels, int64 (examples, 1), `IGNORED` without gold."""
        indices = [IGNORED if one.label is None else self._index[one.label] for one in examples]
        return np.array(indices, dtype=np.int64)[:, None]

    def encode(self, examples: Sequence[TextExample], tokenizer: Tokenizer, limits: Limits) -> list[Feature]:
        """One feature per example, see `encode_texts`."""
        return encode_texts(examples, self.targets(examples), tokenizer, limits)

    def encoding_counts(self, examples: Sequence[TextExample], features: Sequence[Feature]) -> dict[str, int]:
        """Examples, and how many of them were truncated."""
        return count_truncated(features)

    def decode(self, features: Sequence[Feature], scores: Sequence[np.ndarray], examples: Sequence[TextExample],
               paths: Sequence[np.ndarray] | None = None) -> list[LabelPrediction]:
        """Most probable label of each example; the first of equals."""
        if not features:
            return []
        rows = np.exp(log_softmax(np.stack([np.asarray(row) for row in scores])))
        best = rows.argmax(axis=1)
        return [
            LabelPrediction(example.id, example.text, example.label, self.labels[index], row.tolist(),
                            example.text_pair)
            for example, index, row in zip(examples, best, rows, strict=True)
        ]

    def check_training(self, examples: Sequence[TextExample]) -> str:
        """One label only leaves nothing to learn."""
        labels = {example.label for example in examples}
        return f"all {len(examples)} training examples have the label '{labels.pop()}'" if len(labels) == 1 else ""

    def outcomes(self, predictions: Sequence[LabelPrediction]) -> LabelOutcomes:
        """Gold and predicted labels."""
        return LabelOutcomes([one.gold for one in predictions], [one.predicted for one in predictions], self.labels)

    def error(self, prediction: LabelPrediction) -> float:
        """1 if the label is wrong."""
        return float(prediction.gold != prediction.predicted)

    def confidence(self, prediction: LabelPrediction) -> float:
        """The highest probability."""
        return max(prediction.probabilities)

    def show(self, answer: str) -> str:
        """The label."""
        return answer

    def details(self, outcomes: LabelOutcomes) -> dict[str, Any]:
        """`per_label`, and `confusion` (rows gold, columns predicted)."""
        return {"per_label": outcomes.per_label(), "confusion": outcomes.confusion().tolist()}

    @property
    def columns(self) -> list[str]:
        """prediction, probability, and ``probability:<label>`` for each label."""
        return ["prediction", "probability", *(f"probability:{label}" for label in self.labels)]

    def cells(self, prediction: LabelPrediction) -> list[str]:
        """The label, its probability, and those of all labels."""
        numbers = [max(prediction.probabilities), *prediction.probabilities]
        return [prediction.predicted, *(f"{number:.6f}" for number in numbers)]

    def values(self, prediction: LabelPrediction) -> dict[str, Any]:
        """prediction, probability, and probabilities by label."""
        return {"prediction": prediction.predicted, "probability": max(prediction.probabilities),
                "probabilities": dict(zip(self.labels, prediction.probabilities, strict=True))}

    def average(self, predictions: Sequence[Sequence[LabelPrediction]]) -> list[LabelPrediction]:
        """Mean of the models' probabilities; the most probable label, the first of equals."""
        means = np.mean([[row.probabilities for row in rows] for rows in predictions], axis=0)
        return [replace(row, predicted=self.labels[int(mean.argmax())], probabilities=mean.tolist())
                for row, mean in zip(predictions[0], means, strict=True)]

    def collapsed(self, predictions: Sequence[LabelPrediction]) -> str:
        """Name the class, if it is predicted for every text and is not the gold of every one."""
        answers, gold = ({getattr(row, field) for row in predictions} for field in ("predicted", "gold"))
        return f"predicts only '{answers.pop()}'" if len(answers) == 1 and answers != gold else ""

    def example(self, id: str, text: str, text_pair: str | None = None) -> TextExample:
        """An example without a label."""
        return TextExample(id, text, None, text_pair)

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
