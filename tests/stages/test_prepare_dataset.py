import json

import pytest

from jptransfer.config import OnError, TaskConfig
from jptransfer.stages.prepare_dataset import PrepareDatasetStage, run
from jptransfer.tasks.files import dataset_splits, open_dataset, read_examples
from tests.datasets.conftest import task_config  # noqa: F401 (a fixture)

pytestmark = pytest.mark.slow

SIZES = {"toy_sentiment": {"train": 900, "validation": 250, "test": 350},
         "toy_ner": {"train": 360, "validation": 100, "test": 160},
         "toy_ner_four": {"train": 360, "validation": 100, "test": 160},
         "toy_ner_english": {"train": 320, "validation": 60, "test": 100}}


@pytest.mark.parametrize("name", SIZES)
def test_toy_data_becomes_a_dataset_artifact(name, tmp_path, runtime, task_config):  # noqa: F811
    config = task_config(name)
    for folder in ("once", "again"):
        (tmp_path / folder).mkdir()
        summary = run(PrepareDatasetStage(config), {}, tmp_path / folder, runtime)
    out = tmp_path / "once"
    assert sorted(file.name for file in out.iterdir()) == sorted(
        ["train.parquet", "validation.parquet", "test.parquet", "labels.json", "statistics.json", "task.json"])
    for file in out.iterdir():
        assert file.read_bytes() == (tmp_path / "again" / file.name).read_bytes()
    task = open_dataset(out)
    assert (task.kind, task.labels) == (config.kind, config.labels)
    assert dataset_splits(out) == ["train", "validation", "test"]
    assert {split: len(read_examples(task, out, split)) for split in dataset_splits(out)} == SIZES[name]
    statistics = json.loads((out / "statistics.json").read_text(encoding="utf-8"))
    assert {split: part["examples"] for split, part in statistics["splits"].items()} == SIZES[name]
    assert summary.values["examples"] == SIZES[name]
    assert json.loads((out / "task.json").read_text(encoding="utf-8")) == {
        "kind": config.kind, "name": name,
        "roles": {"fit": "train", "select": "validation", "search": "validation", "final": "test"}}


def test_the_headline_says_what_was_left_out(tmp_path, runtime):
    path = tmp_path / "a.tsv"
    path.write_text("text\tlabel\n" + "".join(f"文{number}\t{number % 2}\n" for number in range(20)) + "だけ\n")
    files = {"all": str(path)}
    config = TaskConfig(name="own", dataset="text_file", files=files, on_error=OnError.skip)
    assert run(PrepareDatasetStage(config), {}, tmp_path, runtime).headline.endswith("2 labels; left out: malformed 1")


def test_a_half_filled_folder_is_filled_again(tmp_path, runtime, task_config):  # noqa: F811
    (tmp_path / "train.parquet").write_bytes(b"half")
    run(PrepareDatasetStage(task_config("toy_ner")), {}, tmp_path, runtime)
    assert len(read_examples(open_dataset(tmp_path), tmp_path, "train")) == 360
