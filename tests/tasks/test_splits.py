import json

import pytest

from jptransfer.config import RolesConfig
from jptransfer.errors import DataError
from jptransfer.tasks.base import make_task
from jptransfer.tasks.classification import TextExample
from jptransfer.tasks.files import dataset_splits, write_examples
from jptransfer.tasks.splits import read_role, read_roles

TASK = make_task("classification", ["a", "b"])


def dataset(folder, roles, *splits):
    (folder / "task.json").write_text(json.dumps({"kind": "classification", "roles": roles}), encoding="utf-8")
    for split in splits:
        write_examples(TASK, folder / f"{split}.parquet", [TextExample(f"{split}-1", "文", "a")])
    return folder


def read(folder, role):
    return [example.id for example in read_role(TASK, folder, role)]


def test_each_role_reads_its_split(tmp_path):
    folder = dataset(tmp_path, {"fit": "train_small"}, "train_small", "train", "validation", "development", "test")
    assert dataset_splits(folder) == ["train", "validation", "development", "test", "train_small"]
    assert {role: read(folder, role) for role in ("fit", "select", "search")} == {
        "fit": ["train_small-1"], "select": ["validation-1"], "search": ["development-1"]}


def test_without_development_a_search_sees_what_selection_sees(tmp_path):
    folder = dataset(tmp_path, {}, "train", "validation", "test")
    assert read_roles(folder) == RolesConfig(search="validation")
    assert read(folder, "search") == ["validation-1"]


def test_a_role_without_a_split(tmp_path):
    folder = dataset(tmp_path, {}, "test")
    assert read(folder, "select") == []
    with pytest.raises(DataError, match="no split 'train'; it has: test"):
        read(folder, "fit")


@pytest.mark.parametrize("role", ["fit", "select", "search"])
def test_no_role_opens_the_final_split(tmp_path, role):
    folder = dataset(tmp_path, {role: "held_out", "final": "held_out"}, "train", "validation", "held_out")
    with pytest.raises(DataError, match=f"'held_out' is for the final evaluation and not for the role '{role}'"):
        read_role(TASK, folder, role)


def test_development_is_not_searched_on_where_it_is_final(tmp_path):
    folder = dataset(tmp_path, {"final": "development"}, "train", "validation", "development")
    assert read_roles(folder).search == "validation"
