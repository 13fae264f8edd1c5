"""The one table of names: every row leads to something that can be imported, and says what it is."""

import pytest

from jptransfer import registry
from jptransfer.errors import ConfigError
from jptransfer.registration import Registry
from jptransfer.registry import ALL, HEADS, LEARNERS, LOSSES, MODELS

ROWS = [(table, name) for table, rows in ALL.items() for name in rows]


@pytest.mark.parametrize(("table", "name"), ROWS, ids=[f"{table}-{name}" for table, name in ROWS])
def test_every_row_loads_and_has_a_line_of_help(table, name):
    assert ALL[table].load(name) is not None
    assert ALL[table].help(name).strip()


def test_no_table_is_left_out():
    tables = [value for value in vars(registry).values() if isinstance(value, Registry)]
    assert {id(table) for table in tables} == {id(table) for table in ALL.values()}


def test_models_name_learners_that_exist():
    assert {MODELS.entries[name].learner for name in MODELS} <= set(LEARNERS)


def test_levels_are_those_of_the_classes():
    assert {name: HEADS.entries[name].level for name in HEADS} == {name: HEADS.load(name).level.value for name in HEADS}


def test_losses_of_learners_are_registered():
    assert {loss for name in LEARNERS for loss in LEARNERS.entries[name].losses} <= set(LOSSES)



def test_a_name_can_be_taken_once_and_a_wrong_one_names_the_nearest():
    table = Registry("thing")
    table.add("first", "json:dumps", "a thing")
    with pytest.raises(ValueError, match="registered twice"):
        table.add("first", "json:loads", "another")
    with pytest.raises(ConfigError, match="did you mean 'first'"):
        table.load("fist")
