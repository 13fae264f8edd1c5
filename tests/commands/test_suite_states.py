"""`jpt reproduce ls`: says what is known of each suite, right after every change of the store, and plans nothing."""

import json
import shutil

import pytest

from jptransfer.commands import reproduce, suite_states
from jptransfer.suites import library
from tests.commands.test_reproduce import suite  # noqa: F401 - a fixture

pytestmark = pytest.mark.slow


@pytest.fixture
def shipped(suite, monkeypatch):  # noqa: F811
    monkeypatch.setattr(library, "shipped", lambda: {"mine": suite})
    return suite


@pytest.fixture
def no_composer(monkeypatch):
    monkeypatch.setattr(reproduce, "Composer", lambda: pytest.fail("a list composes nothing"))


def listed(jpt) -> str:
    done = jpt("reproduce", "ls")
    assert done.code == 0, done.err
    (line,) = done.out.splitlines()
    assert ("not checked: " in done.err) == ("not checked" in line)
    return line


def test_an_empty_store_needs_no_plan(jpt, no_composer, monkeypatch):
    first = jpt("reproduce", "ls")
    assert first.code == 0 and "0 of 9 cells cached" in first.out and not first.err
    monkeypatch.setattr(library, "find", lambda choice: pytest.fail("suites are remembered"))
    assert jpt("reproduce", "ls").out == first.out


def test_planned_cells_are_known_as_long_as_their_files_are_as_they_were(jpt, shipped, tmp_path, monkeypatch):
    assert jpt("reproduce", str(shipped), "only=[good,same]").code == 0
    with monkeypatch.context() as patched:
        patched.setattr(reproduce, "Composer", lambda: pytest.fail("a list composes nothing"))
        assert "2 of 3 cells cached, 1 not checked" in listed(jpt)
    assert jpt("reproduce", str(shipped), "dry_run=true").code == 2
    with monkeypatch.context() as patched:
        patched.setattr(reproduce, "Composer", lambda: pytest.fail("a list composes nothing"))
        first = listed(jpt)
        assert "2 of 3 cells cached, 1 can't be run" in first
        (model,) = (tmp_path / "outputs/artifacts/evaluation").iterdir()
        shutil.move(model, tmp_path / "aside")
        (model.parent / "other-000000000000").mkdir()
        assert "0 of 3 cells cached" in listed(jpt)
        shutil.move(tmp_path / "aside", model)
        assert listed(jpt) == first
    shutil.copy(tmp_path / "data.tsv", tmp_path / "nowhere.tsv")
    assert "2 of 3 cells cached, 1 not checked" in listed(jpt)
    assert jpt("reproduce", str(shipped), "dry_run=true").code == 0
    assert "2 of 3 cells cached  " in listed(jpt)
    (tmp_path / "data.tsv").write_text("text\tlabel\n良い\tgood\n悪い\tbad\n" * 9, encoding="utf-8")
    assert "0 of 3 cells cached, 2 not checked" in listed(jpt)
    assert jpt("reproduce", str(shipped), "dry_run=true", "overrides=[seed=0]").code == 2
    assert jpt("reproduce", str(shipped), "dry_run=true", "seeds=[5]").code == 0
    assert "0 of 3 cells cached, 2 not checked" in listed(jpt)  # what was planned with changes says nothing


def test_only_variables_that_are_read_make_a_list_out_of_date(jpt, monkeypatch):
    jpt("reproduce", "ls")
    with monkeypatch.context() as patched:
        patched.setattr(library, "at_scale", lambda *scale: pytest.fail("suites are remembered"))
        patched.setenv("SSH_CLIENT", "10.0.0.7 4242 22")
        assert jpt("reproduce", "ls").code == 0
    before = suite_states.surroundings()
    for name in ("JPT_DATA_ROOT", "HOME", "PYTHONPATH"):
        with monkeypatch.context() as patched:
            patched.setenv(name, "/elsewhere")
            assert suite_states.surroundings() != before, name


@pytest.mark.parametrize("damage", ["nonsense", '{"world": 1, "cells": [], "suites": []}', "[" * 100000])
def test_a_damaged_memory_is_forgotten(jpt, shipped, tmp_path, damage):
    assert jpt("reproduce", str(shipped), "only=[good]").code == 0
    assert "2 of 3 cells cached, 1 not checked" in listed(jpt)
    (file,) = (tmp_path / "outputs/cache").glob("cells-*.json")
    file.write_text(damage)
    assert "3 cells, not checked" in listed(jpt)
    assert json.loads(file.read_text())["suites"]
