
import numpy as np
import pytest

from jptransfer.errors import DataError
from jptransfer.tasks.base import log_softmax, make_task
from jptransfer.tasks.files import (
    dataset_splits,
    read_examples,
    write_examples,
)


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
