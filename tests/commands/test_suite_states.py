"""`jpt reproduce ls`: right after every change of the store, and quick, as it plans each cell once."""

import json
import shutil

import pytest

from jptransfer.commands import reproduce, suite_states
from jptransfer.suites import library
from tests.commands.test_reproduce import suite  # noqa: F401 - a fixture


@pytest.fixture
def shipped(suite, monkeypatch):  # noqa: F811
    monkeypatch.setattr(library, "shipped", lambda: {"mine": suite})
    return suite


def no_composer():
    pytest.fail("nothing has to be composed")


def listed(jpt) -> str:
    done = jpt("reproduce", "ls")
    assert done.code == 0, done.err
    (line,) = done.out.splitlines()
    return line


def test_an_empty_store_needs_no_plan(jpt, monkeypatch):
    monkeypatch.setattr(reproduce, "Composer", no_composer)
    first = jpt("reproduce", "ls")
    assert first.code == 0 and "0 of 9 cells cached" in first.out
    monkeypatch.setattr(library, "find", lambda choice: pytest.fail("suites are remembered"))
    assert jpt("reproduce", "ls").out == first.out


def test_cells_are_planned_once_and_followed_after_that(jpt, shipped, tmp_path, monkeypatch):
    assert jpt("reproduce", str(shipped), "only=[good,same]").code == 0
    with monkeypatch.context() as patched:
        first = listed(jpt)
        assert "2 of 3 cells cached, 1 can't be run" in first
        patched.setattr(reproduce, "Composer", no_composer)
        assert listed(jpt) == first
        (model,) = (tmp_path / "outputs/artifacts/evaluation").iterdir()
        shutil.move(model, tmp_path / "aside")
        (model.parent / "other-000000000000").mkdir()
        assert "0 of 3 cells cached" in listed(jpt)
        shutil.move(tmp_path / "aside", model)
        assert listed(jpt) == first
    shutil.copy(tmp_path / "data.tsv", tmp_path / "nowhere.tsv")
    monkeypatch.chdir(tmp_path)
    assert "2 of 3 cells cached  " in listed(jpt)
    (tmp_path / "data.tsv").write_text("text\tlabel\n良い\tgood\n悪い\tbad\n" * 9, encoding="utf-8")
    assert "0 of 3 cells cached  " in listed(jpt)


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
    first = listed(jpt)
    (file,) = (tmp_path / "outputs/cache").glob("cells-*.json")
    file.write_text(damage)
    assert listed(jpt) == first
    assert json.loads(file.read_text())["cells"]
