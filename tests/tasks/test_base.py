import json

import numpy as np
import pyarrow.parquet
import pytest

from jptransfer.errors import DataError
from jptransfer.registry import TASKS
from jptransfer.tasks.base import (
    dataset_splits,
    log_softmax,
    make_task,
    open_dataset,
    read_examples,
    read_predictions,
    write_examples,
    write_predictions,
)
from jptransfer.tasks.classification import LabelPrediction, TextExample
from jptransfer.tasks.ner import EntityExample, EntityPrediction
from jptransfer.tasks.spans import Span

EXAMPLES = {
    "classification": [TextExample("a", "改行\nと\t「引用」", "良い"), TextExample("b", "", None)],
    "ner": [EntityExample("a", "東京へ", (Span(0, 2, "LOC"),), ((0, 2), (2, 3))),
            EntityExample("b", "𠮷野家", (), None), EntityExample("c", "x", None)],
}
PREDICTIONS = {
    "classification": [LabelPrediction("a", "x", "LOC", "PER", [1 / 3, 2 / 3]),
                       LabelPrediction("b", "", None, "PER", [0, 1])],
    "ner": [EntityPrediction("a", "東京へ", [(0, 2), (2, 3)], [], [Span(0, 2, "LOC")], [1 / 3]),
            EntityPrediction("b", "", [], None, [], [])],
}


@pytest.mark.parametrize("kind", list(TASKS))
def test_files_give_back_what_was_written(kind, tmp_path):
    task = make_task(kind, ["LOC", "PER"])
    write_examples(task, tmp_path / "train.parquet", EXAMPLES[kind])
    write_predictions(task, tmp_path, {"validation": PREDICTIONS[kind], "test": PREDICTIONS[kind][:1]})
    (tmp_path / "task.json").write_text(json.dumps({"kind": kind}))
    (tmp_path / "labels.json").write_text(json.dumps(["LOC", "PER"]))
    opened = open_dataset(tmp_path)
    assert (opened.kind, opened.labels) == (kind, ["LOC", "PER"])
    assert read_examples(opened, tmp_path, "train") == EXAMPLES[kind]
    assert read_predictions(opened, tmp_path, "validation") == PREDICTIONS[kind]
    assert read_predictions(opened, tmp_path, "test") == PREDICTIONS[kind][:1]


@pytest.mark.parametrize("kind", list(TASKS))
def test_columns_that_scripts_rely_on(kind, tmp_path):
    write_predictions(make_task(kind, ["LOC", "PER"]), tmp_path, {"test": PREDICTIONS[kind]})
    columns = pyarrow.parquet.read_schema(tmp_path / "predictions.parquet").names
    assert {"id", "text", "split", "gold", "prediction", "probability"} <= set(columns)


@pytest.mark.parametrize("kind", list(TASKS))
def test_the_same_examples_make_the_same_bytes(kind, tmp_path):
    task = make_task(kind, ["LOC"])
    for name in "ab":
        write_examples(task, tmp_path / name, EXAMPLES[kind])
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_a_missing_split_names_those_there(tmp_path):
    task = make_task("classification", ["a"])
    write_examples(task, tmp_path / "train.parquet", [])
    write_examples(task, tmp_path / "validation.parquet", [])
    assert dataset_splits(tmp_path) == ["train", "validation"]
    with pytest.raises(DataError, match="no split 'test'; it has: train, validation"):
        read_examples(task, tmp_path, "test")


def test_log_softmax_is_stable():
    rows = log_softmax(np.array([[0.0, 0.0], [1e4, 0.0], [-1e4, -1e4]], dtype=np.float32))
    assert np.allclose(rows, [[np.log(0.5)] * 2, [0, -1e4], [np.log(0.5)] * 2])
