"""The files of data sets and predictions: parquet, one row per example (docs/FORMATS.md)."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jptransfer.config.task import SPLITS
from jptransfer.errors import DataError, raising_as
from jptransfer.tasks.base import Task, make_task

if TYPE_CHECKING:
    import pyarrow

PREDICTIONS = "predictions.parquet"
"""File of predictions in the folder of a task model or an evaluation."""
PAIR = "text_pair"
"""Column of second texts."""


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
    return [_with_pair(task.read_example, row) for row in _read(path)]


def unlabelled(path: Path) -> Iterator[dict[str, Any]]:
    """Yield id and text of every example in a split's file, and then of its second text if it has one.

    A batch is in memory at a time. For corpora: training texts to adapt to, and texts of other splits to leave out of a
    corpus.
    """
    import pyarrow.parquet

    file = pyarrow.parquet.ParquetFile(path)
    columns = [name for name in ("id", "text", PAIR) if name in file.schema_arrow.names]
    for batch in file.iter_batches(1024, columns=columns):
        for row in batch.to_pylist():
            yield {"id": row["id"], "text": row["text"]}
            if row.get(PAIR):
                yield {"id": f"{row['id']}-{PAIR}", "text": row[PAIR]}


def write_examples(task: Task, path: Path, examples: Iterable[Any]) -> None:
    """Write a split of a data set as parquet; column `text_pair` is there if an example has a second text."""
    _write(path, [{**task.example_row(one), PAIR: one.text_pair} for one in examples], task.example_schema())


def read_predictions(task: Task, folder: Path, split: str) -> list[Any]:
    """Read the predictions of a split from ``predictions.parquet`` in `folder`."""
    return [_with_pair(task.read_prediction, row) for row in _read(folder / PREDICTIONS) if row["split"] == split]


def write_predictions(task: Task, folder: Path, predictions: Mapping[str, Iterable[Any]]) -> None:
    """Write split -> predictions as one ``predictions.parquet``, whose column `split` comes after the task's own."""
    import pyarrow as pa

    rows = [{**task.prediction_row(one), PAIR: one.text_pair, "split": split}
            for split, found in predictions.items() for one in found]
    _write(folder / PREDICTIONS, rows, task.prediction_schema().append(pa.field("split", pa.string())))


def _with_pair(read: Callable[[dict[str, Any]], Any], row: dict[str, Any]) -> Any:
    """Return what `read` makes of a row, with the second text that stands in it."""
    pair = row.pop(PAIR, None)
    found = read(row)
    return found if pair is None else replace(found, text_pair=pair)


def _read(path: Path) -> list[dict[str, Any]]:
    import pyarrow.parquet

    rows: list[dict[str, Any]] = pyarrow.parquet.read_table(path).to_pylist()
    return rows


def _write(path: Path, rows: list[dict[str, Any]], schema: pyarrow.Schema) -> None:
    import pyarrow
    import pyarrow.parquet

    if any(row[PAIR] is not None for row in rows):
        schema = schema.insert(schema.get_field_index("text") + 1, pyarrow.field(PAIR, pyarrow.string()))
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows, schema=schema), path, compression="zstd")
