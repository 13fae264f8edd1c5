import pytest

from jptransfer.config import TaskConfig
from jptransfer.datasets.preparation import prepare
from jptransfer.datasets.rakuten import read
from jptransfer.datasets.rakuten_settings import RakutenConfig, ReviewPart
from jptransfer.errors import DataError

ROWS = r'''"1","残念","すぐに壊れた。\n""二度と""買わない"
"2","","満足, です"
"2","最高","  "
"1","",""
'''


@pytest.fixture
def files(tmp_path):
    for name in ("train.csv", "test.csv"):
        (tmp_path / name).write_text(ROWS, encoding="utf-8")
    return {"train": str(tmp_path / "train.csv"), "test": str(tmp_path / "test.csv")}


def config(files, **settings):
    return TaskConfig(dataset="rakuten", files=files, **settings)


def test_title_and_comment_are_one_text_and_line_ends_are_restored(files):
    data = read(config(files))
    assert [(one.text, one.label) for one in data.splits["train"]] == [
        ("残念\nすぐに壊れた。\n\"二度と\"買わない", "1"), ("満足, です", "2"), ("最高", "2")]
    assert len({one.id for split in data.splits.values() for one in split}) == 6
    assert data.counts == {"empty text": 2}


def test_parts(files):
    data = read(config(files, rakuten=RakutenConfig(ReviewPart.title)))
    assert [one.text for one in data.splits["test"]] == ["残念", "最高"]


def test_the_test_file_is_kept_and_a_fifth_of_the_training_file_validates(tmp_path):
    for name, size in (("train", 100), ("test", 7)):
        rows = [f'"{1 + number % 2}","題{number}","{name}{number}"' for number in range(size)]
        (tmp_path / f"{name}.csv").write_text("\n".join(rows), encoding="utf-8")
    places = {name: str(tmp_path / f"{name}.csv") for name in ("train", "test")}
    made = prepare(config(places, validation_fraction=0.2, label_map={"1": "negative", "2": "positive"},
                          expected={"train": 100, "test": 7}))
    assert {split: len(examples) for split, examples in made.splits.items()} == {
        "train": 80, "validation": 20, "test": 7}
    with pytest.raises(DataError, match="100 examples instead of 101"):
        prepare(config(places, expected={"train": 101}))


def test_a_broken_row_is_named(tmp_path):
    (tmp_path / "train.csv").write_text('"1","a","b"\n"2","a"\n', encoding="utf-8")
    with pytest.raises(DataError, match=r"train.csv:2: 2 columns instead of 3"):
        read(config({"train": str(tmp_path / "train.csv")}))
