"""Stanford Sentiment Treebank: trees to sentences and phrases."""

import pytest

from jptransfer.config import OnError, TaskConfig
from jptransfer.datasets.sst_trees import read
from jptransfer.datasets.sst_trees_settings import SentimentScale, SstTreesConfig
from jptransfer.errors import DataError

TREES = r"""(3 (2 An) (4 (4 engaging) (2 (2 -LRB-) (2 (2 film\/play) (2 -RRB-)))))
(2 (2 It) (2 (2 runs) (2 .)))

(0 (1 Not) (4 (4 engaging) (2 .)))
"""


@pytest.fixture
def files(tmp_path):
    for name in ("train", "test"):
        (tmp_path / f"{name}.txt").write_text(TREES, encoding="utf-8")
    return {name: str(tmp_path / f"{name}.txt") for name in ("train", "test")}


def config(files, **settings):
    return TaskConfig(dataset="sst_trees", files=files, sst_trees=SstTreesConfig(**settings))


def test_sentences_of_two_classes_leave_neutral_ones_out_and_count_them(files):
    data = read(config(files))
    assert [(one.id, one.text, one.label) for one in data.splits["train"]] == [
        ("train-1", "An engaging ( film/play )", "positive"), ("train-4", "Not engaging .", "negative")]
    assert data.counts == {"neutral": 2}


def test_five_classes_are_the_sentiment_of_the_root(files):
    data = read(config(files, scale=SentimentScale.fine))
    assert [one.label for one in data.splits["test"]] == ["positive", "neutral", "very_negative"]


def test_phrases_are_added_to_the_training_split_alone_and_once(files):
    data = read(config(files, phrases=True))
    assert [(one.text, one.label) for one in data.splits["train"][2:]] == [
        ("engaging", "positive"), ("engaging ( film/play )", "positive"), ("Not", "negative"),
        ("engaging .", "positive")]
    assert len(data.splits["test"]) == 2
    assert len({one.id for examples in data.splits.values() for one in examples}) == 8


@pytest.mark.parametrize("line", [
    "no tree", "(3 (2 An)", "(3 (2 An)) (2 x)", "(3 )", "(7 (2 An))", "3 An)", "(3 An) x"])
def test_what_is_no_tree_is_named_or_counted(tmp_path, line):
    path = tmp_path / "train.txt"
    path.write_text(f"(4 good)\n{line}\n", encoding="utf-8")
    with pytest.raises(DataError, match=r"train.txt:2: "):
        read(config({"train": str(path)}))
    skipping = config({"train": str(path)})
    skipping.on_error = OnError.skip
    data = read(skipping)
    assert len(data.splits["train"]) == 1 and data.counts == {"malformed": 1}
