"""The contract of a task kind: everything the rest of the package asks of it.

A kind is one file. It says what a model must output, turns examples into features and scores into predictions, says how
wrong a prediction is, and how examples and predictions are written. No other package asks which kind a task is; what
only some kinds can do are the protocols of `jptransfer.tasks.abilities`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

import numpy as np

from jptransfer.config.finetuning import TruncationSide
from jptransfer.errors import DataError
from jptransfer.registry import TASKS
from jptransfer.tasks.outcomes import Outcomes

if TYPE_CHECKING:
    import pyarrow

    from jptransfer.text.types import Tokenizer

IGNORED = -100
"""Integer target of positions that take no part in the loss (PyTorch's `ignore_index`)."""


class Level(Enum):
    """What gets a row of scores: a whole sequence, or each of its tokens."""

    sequence = "sequence"
    token = "token"


@dataclass(frozen=True)
class Output:
    """What a head has to output for a kind of task.

    Attributes:
        level: whether sequences or tokens get scores.
        loss: name in the registry `losses`.
        auto_class: auto class of transformers whose models output this.
        pipeline: pipeline of transformers that serves such a model, on its model card.
        head: head of ours that every architecture can have; empty: the one the architecture prefers.
        problem_type: `problem_type` in ``config.json``; empty: transformers' default.
    """

    level: Level
    loss: str
    auto_class: str
    pipeline: str
    head: str = ""
    problem_type: str = ""


@dataclass(frozen=True)
class Limits:
    """How much of a text a model reads: at most `max_length` tokens, and which end goes if a text is longer."""

    max_length: int
    truncation_side: TruncationSide = TruncationSide.right


class Example(Protocol):
    """What every kind of example has."""

    @property
    def id(self) -> str:
        """Unique over all splits."""

    @property
    def text(self) -> str:
        """The text as it is in the file."""

    @property
    def text_pair(self) -> str | None:
        """The second text, if the task is about two; None: there is none."""

    @property
    def stratum(self) -> str:
        """Splits and subsets keep the shares of strata; the same string for all: no stratification."""


class Prediction(Protocol):
    """What every kind of prediction has."""

    @property
    def id(self) -> str:
        """The example's id."""

    @property
    def text(self) -> str:
        """The example's text."""

    @property
    def text_pair(self) -> str | None:
        """The example's second text."""

    @property
    def gold(self) -> Any:
        """The gold answer; None: unknown."""

    @property
    def predicted(self) -> Any:
        """The predicted answer, of the same type."""


@dataclass(frozen=True)
class Feature:
    """One model input made of (a window of) an example.

    Attributes:
        example: index of the example in the list that was encoded.
        input_ids: token ids, special tokens included.
        targets: sequence level: shape (1,) or (1, outputs); token level: (tokens,). Its dtype is the loss's: integers
            with `IGNORED`, or floats with NaN, where nothing is learnt (special tokens, pieces after a unit's first,
            context that another window scores, no gold). Padding is filled with the same value, see `unknown_target`.
        positions: token level: indices in `input_ids` of the tokens whose scores are used, one per unit.
        units: token level: half-open character spans in the original text of these units.
        truncated: tokens of the example that no feature holds because of the length limit.
        segments: token type ids; empty means all zero.
        special: indices in `input_ids` of the special tokens.
    """

    example: int
    input_ids: list[int]
    targets: np.ndarray
    positions: list[int] = field(default_factory=list)
    units: list[tuple[int, int]] = field(default_factory=list)
    truncated: int = 0
    segments: list[int] = field(default_factory=list)
    special: tuple[int, ...] = ()


def whole_texts(count: int) -> list[Feature]:
    """Return features for learners that read texts without a tokenizer, one per text."""
    return [Feature(index, [], np.empty(0)) for index in range(count)]


def unknown_target(dtype: np.dtype) -> float:
    """Return the target that no loss counts: `IGNORED` for integers, NaN for floats."""
    return IGNORED if np.issubdtype(dtype, np.integer) else float("nan")


class Task(Protocol):
    """One kind of task over one list of labels; its class is called with the labels in order.

    Attributes:
        kind: name in the registry `tasks`.
        output: what a head must output.
        metrics: names of the metrics of every evaluation, the main one first.
        example_type: class of its examples.
        outcomes_type: class of what `outcomes` returns; it decides which metrics fit.
        fewest_labels: fewer labels leave nothing to learn.
        exact: whether an answer is either right (error 0) or wrong, and not just closer or further away.
        labels: classes or entity types, in order; empty for kinds without labels.
        outputs: names of a head's outputs, in order: classes, IOB2 tags.
        columns: columns of `cells` in the TSV of `jpt predict`.
    """

    kind: ClassVar[str]
    output: ClassVar[Output]
    metrics: ClassVar[tuple[str, ...]]
    example_type: ClassVar[type]
    outcomes_type: ClassVar[type[Outcomes]]
    fewest_labels: ClassVar[int]
    exact: ClassVar[bool]
    labels: list[str]
    outputs: list[str]

    def __init__(self, labels: Sequence[str]) -> None: ...

    @staticmethod
    def labels_of(example: Any) -> list[str]:
        """The labels in an example's gold, repetitions included; none for kinds without labels."""

    @staticmethod
    def statistics(examples: Sequence[Any]) -> dict[str, Any]:
        """Counts for people: `examples`, `labels` (examples or spans by label), `mean_length` in characters."""

    def encode(self, examples: Sequence[Any], tokenizer: Tokenizer, limits: Limits) -> list[Feature]:
        """Encode examples, in order; no feature has more tokens than the limit. Examples may lack gold."""

    def encoding_counts(self, examples: Sequence[Any], features: Sequence[Feature]) -> dict[str, int]:
        """Count what encoding could not keep: truncated texts, misaligned entities; for logs and manifest."""

    def decode(self, features: Sequence[Feature], scores: Sequence[np.ndarray], examples: Sequence[Any],
               paths: Sequence[np.ndarray] | None = None) -> list[Any]:
        """Turn scores into one prediction per example, in order.

        `scores[i]` belongs to `features[i]`: what the head outputs (or log-probabilities), (outputs,) at sequence level
        and (tokens, outputs) at token level; rows of padding after a feature's tokens do no harm. `paths[i]`,
        (tokens,), is what a head decided over the whole feature; None: each token's most probable output.

        Raises:
            DataError: scores that are not finite numbers.
        """

    def check_training(self, examples: Sequence[Any]) -> str:
        """Return why nothing can be learnt from these training examples; empty if something can."""

    def outcomes(self, predictions: Sequence[Any]) -> Outcomes:
        """Collect gold and predicted answers for the metrics; every prediction has gold."""

    def error(self, prediction: Any) -> float:
        """Return how wrong a prediction is, 0 if it is right: wrong decisions, or a distance. It has gold.

        It orders lists of errors and decides which of two systems is better on an example.
        """

    def confidence(self, prediction: Any) -> float | None:
        """Return the probability of the predicted answer; None: the kind has no such number."""

    def show(self, answer: Any) -> str:
        """Return a gold or predicted answer as short text."""

    def details(self, outcomes: Any) -> dict[str, Any]:
        """Return further scores as JSON values: `per_label` and `confusion`, or `residuals`."""

    @property
    def columns(self) -> list[str]:
        """Names of the `cells`."""

    def cells(self, prediction: Any) -> list[str]:
        """Return a prediction as the cells of a TSV line, in the order of `columns`."""

    def values(self, prediction: Any) -> dict[str, Any]:
        """Return a prediction as the fields of a JSON object."""

    def example(self, id: str, text: str, text_pair: str | None = None) -> Any:
        """An example without gold, for prediction on new text."""

    def example_schema(self) -> pyarrow.Schema:
        """Columns of a data set's parquet files."""

    def prediction_schema(self) -> pyarrow.Schema:
        """Columns of a predictions file."""

    def example_row(self, example: Any) -> dict[str, Any]:
        """An example as a row of its file; `read_example` is the inverse."""

    def read_example(self, row: dict[str, Any]) -> Any:
        """An example from a row of its file."""

    def prediction_row(self, prediction: Any) -> dict[str, Any]:
        """A prediction as a row of its file; `read_prediction` is the inverse."""

    def read_prediction(self, row: dict[str, Any]) -> Any:
        """A prediction from a row of its file."""


def load_kind(kind: str) -> type[Task]:
    """Return the class registered as `kind`."""
    found: type[Task] = TASKS.load(kind)
    return found


def make_task(kind: str, labels: Sequence[str]) -> Task:
    """Return the task registered as `kind` over `labels`."""
    return load_kind(kind)(labels)


def same_task(one: Task, other: Task) -> bool:
    """Tell whether two tasks have the same kind and labels, so that answers of one mean the same in the other."""
    return (one.kind, list(one.labels)) == (other.kind, list(other.labels))


def outcomes_of(task: Task, predictions: Sequence[Any]) -> Outcomes:
    """Return the outcomes of predictions.

    Raises:
        DataError: an example has no gold.
    """
    for prediction in predictions:
        if prediction.gold is None:
            raise DataError(f"example '{prediction.id}' has no gold answer to score against")
    return task.outcomes(predictions)


def describe(task: Task) -> str:
    """Return a task's kind and labels for a message."""
    return f"{task.kind} ({', '.join(task.labels)})" if task.labels else task.kind


def summarise(examples: Sequence[Any], labels_of: Callable[[Any], list[str]]) -> dict[str, Any]:
    """Return what the statistics of every kind of task hold: examples, labels, mean_length (characters of all texts).

    And `pairs`, how many examples have a second text, if any have.
    """
    labels = Counter(label for example in examples for label in labels_of(example))
    length = sum(len(example.text) + len(example.text_pair or "") for example in examples) / max(1, len(examples))
    pairs = sum(example.text_pair is not None for example in examples)
    return {"examples": len(examples), **({"pairs": pairs} if pairs else {}), "labels": dict(sorted(labels.items())),
            "mean_length": round(length, 2)}


def check_finite(scores: np.ndarray) -> None:
    """Raise `DataError` if a model's scores are not finite numbers."""
    if not np.isfinite(scores).all():
        raise DataError(f"the model's scores are not finite numbers ({scores[~np.isfinite(scores)][0]}): its "
                        "training diverged (try a smaller learning rate), or its weights are damaged")


def log_softmax(scores: np.ndarray) -> np.ndarray:
    """Log-probabilities over the last axis, in double precision; an output of probability 0 has minus infinity.

    Raises:
        DataError: scores that give no probabilities: NaN, infinite, or minus infinity for all outputs.
    """
    scores = np.asarray(scores, dtype=np.float64)
    highest = scores.max(axis=-1, keepdims=True)
    check_finite(highest)
    scores = scores - highest
    logs: np.ndarray = scores - np.log(np.exp(scores).sum(axis=-1, keepdims=True))
    return logs
