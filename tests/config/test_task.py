"""Names of splits and their roles."""

import pytest

from jptransfer.config import Config, CorpusConfig, EvaluationConfig, RolesConfig, SourceConfig, TaskConfig
from jptransfer.config.check import check
from jptransfer.config.task import scored_split, split_name
from jptransfer.errors import ConfigError


@pytest.mark.parametrize(("name", "expected"), [
    ("Train", "train"), ("training", "train"), ("dev", "development"), ("VAL", "validation"),
    ("test_news", "test_news"), ("tset", None), ("testing", None), ("test_", None), ("", None), ("0", None),
    ("news", None)])
def test_names_of_splits(name, expected):
    assert split_name(name) == expected


def test_a_role_may_have_any_name():
    assert split_name("news", RolesConfig(final="news").named) == "news"


@pytest.mark.parametrize(("roles", "said"), [
    ({"select": "test"}, r"task\.roles\.select: 'test' is the split of task\.roles\.final, which only evaluation may"),
    ({"search": "news", "final": "news"}, r"task\.roles\.search: 'news' is the split of"),
    ({"fit": "test"}, r"task\.roles\.fit: 'test' is the split of"),
    ({"fit": ""}, r"task\.roles\.fit: '' cannot name a split"),
    ({"final": "../test"}, r"task\.roles\.final: '\.\./test' cannot name a split"),
])
def test_the_final_split_has_no_other_role(roles, said):
    with pytest.raises(ConfigError, match=said):
        check(Config(task=TaskConfig(roles=RolesConfig(**roles))))


@pytest.mark.parametrize(("files", "splits", "said"), [
    ({"train": "a", "dev": "b"}, ["train", "validation", "test"], ""),
    ({"train": "a", "dev": "b"}, ["development"], "unknown split 'development'; there are: test, train, validation"),
    ({"train": "a", "test_news": "b"}, ["test_news"], ""),
    ({"train": "a"}, ["tset"], r"unknown split 'tset' \(did you mean 'test'\?\)"),
    ({"all": "a"}, ["test_news", "development"], ""),  # the file may have them in a column
    ({"all": "a"}, ["news"], "unknown split 'news'"),
])
def test_splits_to_evaluate_are_those_of_the_data_set(files, splits, said):
    config = Config(task=TaskConfig(dataset="text_file", files=files), evaluation=EvaluationConfig(splits=splits))
    if not said:
        check(config)
        return
    with pytest.raises(ConfigError, match=rf"^evaluation\.splits: {said}"):
        check(config)


def test_splits_to_exclude_are_those_of_the_data_set():
    exclude = {"held_out": SourceConfig(format="task", split="tset")}
    with pytest.raises(ConfigError, match=r"^domain\.exclude\.held_out\.split: unknown split 'tset'"):
        check(Config(domain=CorpusConfig(exclude=exclude)))


def test_scores_of_an_epoch_are_of_its_split():
    assert [scored_split(name) for name in ("test", "oracle_test_news_epoch")] == ["test", "test_news"]
