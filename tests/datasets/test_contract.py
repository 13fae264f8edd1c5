"""What the settings of every registered reader of labelled data have to do."""

from __future__ import annotations

import dataclasses

import pytest

from jptransfer.config import Config, TaskConfig
from jptransfer.config.check import check
from jptransfer.config.describe import docstrings, settings
from jptransfer.errors import ConfigError
from jptransfer.registry import DATASETS

every = pytest.mark.parametrize("name", list(DATASETS))
FIELDS = [(name, field.name) for name, entry in DATASETS.entries.items() if entry.settings
          for field in dataclasses.fields(entry.settings)]


@every
def test_a_reader_loads_and_all_that_is_its_own_is_documented(name: str) -> None:
    entry = DATASETS.entries[name]
    assert callable(entry.load()) and entry.help.strip()
    shown = {one.path: one.help for one in settings(TaskConfig) if one.path.startswith(f"{name}.")}
    fields = [field.name for field in dataclasses.fields(entry.settings)] if entry.settings else []
    assert [one.removeprefix(f"{name}.") for one in shown] == fields
    assert all(shown.values()), shown
    if entry.settings:
        assert docstrings(entry.settings).keys() == set(fields)


@pytest.mark.parametrize(("name", "field"), FIELDS)
def test_a_wrong_setting_is_one_line_with_the_nearest_name(name: str, field: str) -> None:
    config = Config(task=TaskConfig(dataset=name))
    setattr(getattr(config.task, name), f"{field}x", 1)
    with pytest.raises(ConfigError) as caught:
        check(config)
    message = str(caught.value)
    assert message.startswith(f"unknown setting 'task.{name}.{field}x' (did you mean 'task.{name}.{field}'?)")
    assert "\n" not in message


@every
def test_a_wrong_name_of_a_reader_is_one_line_with_the_nearest_name(name: str) -> None:
    with pytest.raises(ConfigError) as caught:
        check(Config(task=TaskConfig(dataset=f"{name}x")))
    message = str(caught.value)
    assert message.startswith("task.dataset: ") and f"did you mean '{name}'?" in message and "\n" not in message


@every
def test_defaults_are_valid(name: str) -> None:
    check(Config(task=TaskConfig(dataset=name)))
