"""The files of data sets and predictions: parquet, one row per example (docs/FORMATS.md)."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jptransfer.config.task import SPLITS
from jptransfer.errors import DataError, raising_as
from jptransfer.tasks.base import Task, make_task

if TYPE_CHECKING:
    import pyarrow

PREDICTIONS = "predictions.parquet"
"""File of predictions in the folder of a task model or an evaluation."""


def open_dataset(folder: Path) -> Task:
    """Return the task of a `dataset` artifact, over its labels."""
    with raising_as(f"{folder}: task.json or labels.json is damaged"):
        kind = json.loads((folder / "task.json").read_text(encoding="utf-8"))["kind"]
        return make_task(kind, json.loads((folder / "labels.json").read_text(encoding="utf-8")))


def training_counts(folder: Path) -> dict[str, int]:
    """Return how often each label is in the training split of a `dataset` artifact; empty if it does not say."""
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

    rows: list[dict[str, Any]] = pyarrow.parquet.read_table(path).to_pylist()
    return rows


def _write(path: Path, rows: list[dict[str, Any]], schema: pyarrow.Schema) -> None:
    import pyarrow
    import pyarrow.parquet

    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows, schema=schema), path, compression="zstd")
