"""The contract all tasks share, and the files that hold their examples and predictions."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from jptransfer.config import DroppedEntities, TruncationSide
from jptransfer.config.task import SPLITS
from jptransfer.errors import DataError, raising_as
from jptransfer.registry import TASKS

if TYPE_CHECKING:
    import pyarrow

    from jptransfer.text.types import Tokenizer

IGNORED = -100
"""Label of positions that take no part in the loss (PyTorch's `ignore_index`)."""


class Level(Enum):
    """What gets a row of scores: a whole sequence, or each of its tokens."""

    sequence = "sequence"
    token = "token"


class Example(Protocol):
    """What every kind of example has."""

    @property
    def id(self) -> str:
        """Unique over all splits."""

    @property
    def text(self) -> str:
        """The text as it stands in the file."""

    @property
    def stratum(self) -> str:
        """What splits and subsets keep the shares of; empty: nothing."""


class Prediction(Protocol):
    """What every kind of prediction has."""

    @property
    def id(self) -> str:
        """The example's id."""

    @property
    def text(self) -> str:
        """The example's text."""


@dataclass(frozen=True)
class Feature:
    """One model input made of (a window of) an example.

    Attributes:
        example: index of the example in the list that was encoded.
        input_ids: token ids, special tokens included.
        labels: sequence level: one entry; token level: one entry a token. `IGNORED` where nothing is learnt:
            special tokens, pieces after a unit's first, context that another window scores, no gold.
        positions: token level: indices in `input_ids` of the tokens whose scores are used, one a unit.
        units: token level: half-open character spans in the original text of these units.
        truncated: tokens of the example that no feature holds because of the length limit.
        segments: token type ids; empty means all zero.
        special: indices in `input_ids` of the special tokens around the text.
    """

    example: int
    input_ids: list[int]
    labels: list[int]
    positions: list[int] = field(default_factory=list)
    units: list[tuple[int, int]] = field(default_factory=list)
    truncated: int = 0
    segments: list[int] = field(default_factory=list)
    special: tuple[int, ...] = ()


class Task(Protocol):
    """One kind of task over one set of labels; its class is called with the labels in order.

    Attributes:
        kind: name in the registry `tasks`.
        labels: classes, or entity types, in order.
        outputs: names of a head's outputs, in order: classes, or IOB2 tags.
        level: whether the head scores sequences or tokens.
        metric: main metric, a name of the registry `metrics`.
        example_type: class of its examples.
        fewest_labels: fewer labels leave nothing to learn.
    """

    kind: str
    labels: list[str]
    outputs: list[str]
    level: Level
    metric: str
    example_type: type
    fewest_labels: int

    def __init__(self, labels: Sequence[str]) -> None: ...

    @staticmethod
    def labels_of(example: Any) -> list[str]:
        """The labels an example's gold has, repetitions included."""

    @staticmethod
    def relabel(example: Any, names: Mapping[str, str],
                dropped_entities: DroppedEntities = DroppedEntities.entity) -> Any | None:
        """The example with labels renamed; an empty name drops the label (`dropped_entities`) or, None, the example."""

    @staticmethod
    def statistics(examples: Sequence[Any]) -> dict[str, Any]:
        """Counts for people: examples, examples (or spans) by label, mean length in characters."""

    def features(self, examples: Sequence[Any], tokenizer: Tokenizer, max_length: int,
                 truncation_side: TruncationSide = TruncationSide.right) -> list[Feature]:
        """Encode examples, in order; no feature has more than `max_length` tokens. Examples may lack gold.

        Of a text of which not all can stay, `truncation_side` says which end does.
        """

    def report(self, examples: Sequence[Any], features: Sequence[Feature]) -> dict[str, int]:
        """Count what encoding could not keep: truncated texts, misaligned entities; for logs and manifest."""

    def decode(self, features: Sequence[Feature], scores: Sequence[np.ndarray], examples: Sequence[Any],
               paths: Sequence[np.ndarray] | None = None) -> list[Any]:
        """Turn scores into one prediction an example, in order.

        `scores[i]` belongs to `features[i]`: logits or log-probabilities, (outputs,) at sequence level and
        (tokens, outputs) at token level; rows of padding after a feature's tokens do no harm. `paths[i]`, (tokens,), is
        what a head has decided for over the whole feature; None: each token's most probable output.
        """

    def average(self, predictions: Sequence[Sequence[Any]]) -> list[Any]:
        """Combine the predictions of several models for the same examples in the same order: (models, examples).

        Raises:
            ConfigError: this kind of task has no probabilities that can be averaged.
        """

    def collapsed(self, predictions: Sequence[Any]) -> str:
        """Say in a few words what all predictions have in common where the model has learnt nothing but one answer.

        An empty string where predictions differ, or where the gold is always that answer too.
        """

    def example(self, id: str, text: str) -> Any:
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


def make_task(kind: str, labels: Sequence[str]) -> Task:
    """Return the task registered as `kind` over `labels`."""
    return TASKS.load(kind)(labels)


def summarise(examples: Sequence[Any], labels_of: Callable[[Any], list[str]]) -> dict[str, Any]:
    """Return what the statistics of every kind of task hold: examples, labels, mean_length (characters)."""
    labels = Counter(label for example in examples for label in labels_of(example))
    length = sum(len(example.text) for example in examples) / max(1, len(examples))
    return {"examples": len(examples), "labels": dict(sorted(labels.items())), "mean_length": round(length, 2)}


def log_softmax(scores: np.ndarray) -> np.ndarray:
    """Log-probabilities over the last axis, in double precision; an output of probability 0 has minus infinity.

    Raises:
        DataError: scores that give no probabilities: NaN, infinite, or minus infinity for all outputs.
    """
    scores = np.asarray(scores, dtype=np.float64)
    highest = scores.max(axis=-1, keepdims=True)
    if not np.isfinite(highest).all():
        raise DataError(f"the model's scores are not finite numbers ({highest[~np.isfinite(highest)][0]}): its "
                        "training diverged (try a smaller learning rate), or its weights are damaged")
    scores = scores - highest
    return scores - np.log(np.exp(scores).sum(axis=-1, keepdims=True))


def open_dataset(folder: Path) -> Task:
    """Return the task of a `dataset` artifact, over its labels."""
    with raising_as(f"{folder}: task.json or labels.json is damaged"):
        kind = json.loads((folder / "task.json").read_text(encoding="utf-8"))["kind"]
        return make_task(kind, json.loads((folder / "labels.json").read_text(encoding="utf-8")))


def training_counts(folder: Path) -> dict[str, int]:
    """Return how often each label is in the training split of a `dataset` artifact; nothing if it does not say."""
    path = folder / "statistics.json"
    statistics = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    return dict(statistics.get("splits", {}).get("train", {}).get("labels", {}))


def dataset_splits(folder: Path) -> list[str]:
    """Return the splits that a `dataset` artifact has, the usual ones first."""
    found = {path.stem for path in folder.glob("*.parquet")}
    return [*(split for split in SPLITS if split in found), *sorted(found - {*SPLITS})]


def read_examples(task: Task, folder: Path, split: str) -> list[Any]:
    """Read a split of a `dataset` artifact; `DataError` if it has no such split."""
    path = folder / f"{split}.parquet"
    if not path.is_file():
        raise DataError(f"the data set has no split '{split}'; it has: {', '.join(dataset_splits(folder))}")
    return [task.read_example(row) for row in _read(path)]


def unlabelled(path: Path) -> Iterator[dict[str, Any]]:
    """Yield id and text of every example in a split's file, a batch in memory at a time.

    For corpora: training texts to adapt to, and texts of other splits to leave out of a corpus.
    """
    import pyarrow.parquet

    for batch in pyarrow.parquet.ParquetFile(path).iter_batches(1024, columns=["id", "text"]):
        yield from batch.to_pylist()


def write_examples(task: Task, path: Path, examples: Iterable[Any]) -> None:
    """Write a split of a data set as parquet."""
    _write(path, [task.example_row(example) for example in examples], task.example_schema())


PREDICTIONS = "predictions.parquet"
"""File of predictions in the folder of a task model or an evaluation."""


def read_predictions(task: Task, folder: Path, split: str) -> list[Any]:
    """Read the predictions of a split from ``predictions.parquet`` in `folder`."""
    return [task.read_prediction(row) for row in _read(folder / PREDICTIONS) if row["split"] == split]


def write_predictions(task: Task, folder: Path, predictions: Mapping[str, Iterable[Any]]) -> None:
    """Write split -> predictions as one ``predictions.parquet``, whose column `split` comes after the task's own."""
    import pyarrow as pa

    rows = [{**task.prediction_row(one), "split": split} for split, found in predictions.items() for one in found]
    _write(folder / PREDICTIONS, rows, task.prediction_schema().append(pa.field("split", pa.string())))


def _read(path: Path) -> list[dict[str, Any]]:
    import pyarrow.parquet

    return pyarrow.parquet.read_table(path).to_pylist()


def _write(path: Path, rows: list[dict[str, Any]], schema: pyarrow.Schema) -> None:
    import pyarrow
    import pyarrow.parquet

    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows, schema=schema), path, compression="zstd")
