"""Regression: one number per text, learnt by its squared error."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from jptransfer.errors import ConfigError
from jptransfer.tasks.base import Feature, Level, Limits, Output, check_finite, summarise
from jptransfer.tasks.outcomes import Outcomes, ValueOutcomes
from jptransfer.tasks.texts import count_truncated, encode_texts

if TYPE_CHECKING:
    import pyarrow

    from jptransfer.text.types import Tokenizer

DIGITS = 6
"""Significant digits of a number that people read."""
NO_SPREAD = 0.01
"""Spread of the predicted numbers, as a share of the gold's, below which a model counts as giving one answer only."""


@dataclass(frozen=True)
class ValueExample:
    """A text or two and their number (None: unknown)."""

    id: str
    text: str
    value: float | None
    text_pair: str | None = None

    @property
    def stratum(self) -> str:
        """The same for all: splits and subsets of a regression are drawn without strata."""
        return ""


@dataclass(frozen=True)
class ValuePrediction:
    """Gold number (None: unknown) and predicted number."""

    id: str
    text: str
    gold: float | None
    predicted: float
    text_pair: str | None = None


class Regression:
    """One number per text; the head has one output. Targets are learnt as they are, without standardisation."""

    kind: ClassVar[str] = "regression"
    output: ClassVar[Output] = Output(Level.sequence, "mse", "AutoModelForSequenceClassification",
                                      "text-classification", problem_type="regression")
    metrics: ClassVar[tuple[str, ...]] = ("spearman", "pearson", "mse")
    example_type: ClassVar[type] = ValueExample
    outcomes_type: ClassVar[type[Outcomes]] = ValueOutcomes
    fewest_labels: ClassVar[int] = 0
    exact: ClassVar[bool] = False
    columns: ClassVar[list[str]] = ["prediction"]

    def __init__(self, labels: Sequence[str] = ()) -> None:
        if labels:
            raise ConfigError(f"task.labels: a regression has no labels, and there are: {', '.join(labels)}")
        self.labels: list[str] = []
        self.outputs = ["score"]

    @staticmethod
    def labels_of(example: ValueExample) -> list[str]:
        """None."""
        return []

    @staticmethod
    def statistics(examples: Sequence[ValueExample]) -> dict[str, Any]:
        """Examples, their mean length; mean, standard deviation, minimum and maximum of the numbers (`values`)."""
        values = np.array([one.value for one in examples if one.value is not None], dtype=np.float64)
        spread = {} if not len(values) else {
            "mean": float(values.mean()), "sd": float(values.std(ddof=1)) if len(values) > 1 else 0.0,
            "min": float(values.min()), "max": float(values.max())}
        return summarise(examples, Regression.labels_of) | {"values": spread}

    @staticmethod
    def read_target(id: str, text: str, target: str) -> ValueExample:
        """The cell is a finite number; `ValueError` if not."""
        try:
            value = float(target)
        except ValueError:
            raise ValueError(f"'{target}' is not a number") from None
        if not math.isfinite(value):
            raise ValueError(f"'{target}' is not a finite number")
        return ValueExample(id, text, value)

    def targets(self, examples: Sequence[ValueExample]) -> np.ndarray:
        """The numbers, float32 (examples, 1), NaN without gold."""
        values = [math.nan if one.value is None else one.value for one in examples]
        return np.array(values, dtype=np.float32)[:, None]

    def encode(self, examples: Sequence[ValueExample], tokenizer: Tokenizer, limits: Limits) -> list[Feature]:
        """One feature per example, see `encode_texts`."""
        return encode_texts(examples, self.targets(examples), tokenizer, limits)

    def encoding_counts(self, examples: Sequence[ValueExample], features: Sequence[Feature]) -> dict[str, int]:
        """Examples, and how many of them were truncated."""
        return count_truncated(features)

    def decode(self, features: Sequence[Feature], scores: Sequence[np.ndarray], examples: Sequence[ValueExample],
               paths: Sequence[np.ndarray] | None = None) -> list[ValuePrediction]:
        """The head's output is the number."""
        if not features:
            return []
        values = np.stack([np.asarray(row, dtype=np.float64) for row in scores])[:, 0]
        check_finite(values)
        return [ValuePrediction(example.id, example.text, example.value, value, example.text_pair)
                for example, value in zip(examples, values.tolist(), strict=True)]

    def check_training(self, examples: Sequence[ValueExample]) -> str:
        """The same number everywhere leaves nothing to learn."""
        values = {example.value for example in examples}
        return f"all {len(examples)} training examples have the value {values.pop():g}" if len(values) == 1 else ""

    def outcomes(self, predictions: Sequence[ValuePrediction]) -> ValueOutcomes:
        """Gold and predicted numbers."""
        return ValueOutcomes([one.gold for one in predictions], [one.predicted for one in predictions])

    def error(self, prediction: ValuePrediction) -> float:
        """The absolute difference."""
        return abs(prediction.predicted - (prediction.gold or 0.0))

    def confidence(self, prediction: ValuePrediction) -> None:
        """A number has no probability."""

    def show(self, answer: float) -> str:
        """The number, to `DIGITS` significant digits."""
        return f"{answer:.{DIGITS}g}"

    def details(self, outcomes: ValueOutcomes) -> dict[str, Any]:
        """`residuals` (predicted less gold): mean, sd, mean absolute one, quartiles and extremes; mean of the gold."""
        gold, predicted = outcomes.arrays()
        rest = predicted - gold
        low, first, median, third, high = np.quantile(rest, [0, 0.25, 0.5, 0.75, 1]).tolist()
        return {"residuals": {
            "mean": float(rest.mean()), "sd": float(rest.std(ddof=1)) if len(rest) > 1 else 0.0,
            "mean_absolute": float(np.abs(rest).mean()), "min": low, "q1": first, "median": median, "q3": third,
            "max": high}}

    def cells(self, prediction: ValuePrediction) -> list[str]:
        """The number, to nine significant digits: all that float32 has."""
        return [f"{prediction.predicted:.9g}"]

    def values(self, prediction: ValuePrediction) -> dict[str, Any]:
        """prediction."""
        return {"prediction": prediction.predicted}

    def average(self, predictions: Sequence[Sequence[ValuePrediction]]) -> list[ValuePrediction]:
        """Mean of the models' numbers."""
        means = np.mean([[row.predicted for row in rows] for rows in predictions], axis=0)
        return [replace(row, predicted=mean) for row, mean in zip(predictions[0], means.tolist(), strict=True)]

    def collapsed(self, predictions: Sequence[ValuePrediction]) -> str:
        """Tell of (nearly) the same number for every text, and of errors larger than those of the gold's mean."""
        gold, predicted = self.outcomes(predictions).arrays()
        spread, low, high = float(gold.std()), float(predicted.min()), float(predicted.max())
        if spread == 0:
            return ""
        if low == high:
            return f"predicts only {self.show(low)}"
        if float(predicted.std()) < NO_SPREAD * spread:
            return (f"predicts nearly the same number for every text, {self.show(low)} to {self.show(high)}; the gold "
                    f"numbers have an SD of {self.show(spread)}")
        error = float(((predicted - gold) ** 2).mean())
        if error > spread**2:
            return (f"is worse than the mean of the gold numbers: mse {self.show(error)}, that of the mean is "
                    f"{self.show(spread**2)}")
        return ""

    def example(self, id: str, text: str, text_pair: str | None = None) -> ValueExample:
        """An example without a number."""
        return ValueExample(id, text, None, text_pair)

    def example_schema(self) -> pyarrow.Schema:
        """Columns id, text, value."""
        import pyarrow as pa

        return pa.schema([("id", pa.string()), ("text", pa.string()), ("value", pa.float64())])

    def prediction_schema(self) -> pyarrow.Schema:
        """Columns id, text, gold, prediction."""
        import pyarrow as pa

        return pa.schema([("id", pa.string()), ("text", pa.string()), ("gold", pa.float64()),
                          ("prediction", pa.float64())])

    def example_row(self, example: ValueExample) -> dict[str, Any]:
        """The example's fields."""
        return dict(vars(example))

    def read_example(self, row: dict[str, Any]) -> ValueExample:
        """Inverse of `example_row`."""
        return ValueExample(**row)

    def prediction_row(self, prediction: ValuePrediction) -> dict[str, Any]:
        """The prediction's fields."""
        return {"id": prediction.id, "text": prediction.text, "gold": prediction.gold,
                "prediction": prediction.predicted}

    def read_prediction(self, row: dict[str, Any]) -> ValuePrediction:
        """Inverse of `prediction_row`."""
        return ValuePrediction(row["id"], row["text"], row["gold"], row["prediction"])
