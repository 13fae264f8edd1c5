"""Settings of a task that mean nothing are refused before anything is built."""

import pytest

from jptransfer.config import TaskConfig
from jptransfer.errors import ConfigError
from jptransfer.pipeline.task_rules import task_kind


def test_a_reader_without_second_texts_is_refused():
    assert task_kind(TaskConfig(dataset="text_file", text_pair_column="b")).kind == "classification"
    with pytest.raises(ConfigError, match="task.text_pair_column: data set 'label_text' has no second texts; these "
                                          "readers have: text_file"):
        task_kind(TaskConfig(dataset="label_text", text_pair_column="b"))
    task_kind(TaskConfig(dataset="label_text"))
