"""What every registered stage has to describe; a new one needs no example here."""

from __future__ import annotations

import importlib
import inspect
import subprocess
import sys
import typing
from dataclasses import fields
from pathlib import Path

import pytest

import jptransfer.stages
from jptransfer.commands import VERBS, find_verb
from jptransfer.pipeline.stage import Stage, Summary, all_stages, find_stage
from jptransfer.registry import STAGES

pytestmark = pytest.mark.slow

every = pytest.mark.parametrize("name", list(STAGES))
MODULES = {path.stem for path in Path(jptransfer.stages.__path__[0]).glob("*.py")} - {"__init__"}


def test_every_module_of_the_package_is_registered() -> None:
    modules = {name for name in MODULES if hasattr(importlib.import_module(f"jptransfer.stages.{name}"), "STAGE")}
    assert modules == set(STAGES)


def test_the_order_is_that_of_the_pipeline_whatever_is_imported_first() -> None:
    expected = [*STAGES]
    for first in ("report", "tokenize"):
        code = (f"import jptransfer.stages.{first}\nfrom jptransfer.registry import STAGES\n"
                "print(*STAGES, *('torch' in __import__('sys').modules and ['torch'] or []))")
        assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.split() == expected
    places = [expected.index(name) for name in ("prepare_corpus", "tokenize", "encode", "pretrain", "adapt", "finetune",
                                                "evaluate", "report")]
    assert places == sorted(places)


@every
def test_the_description_is_complete(name: str) -> None:
    stage = find_stage(name)
    assert isinstance(stage, Stage) and stage.name == name and stage.version >= 1
    empty = [one.name for one in fields(stage) if isinstance(getattr(stage, one.name), str)
             and not getattr(stage, one.name).strip()]
    assert empty == []
    assert "\n" not in stage.help + stage.title + stage.empty and STAGES.help(name) == stage.help


@every
def test_the_stage_has_a_verb_that_says_what_it_does(name: str) -> None:
    verb = VERBS[find_stage(name).verb]
    assert find_verb(find_stage(name).verb) == verb and verb.help.strip() and verb.is_experiment


@every
def test_the_function_takes_configuration_inputs_folder_and_runtime(name: str) -> None:
    run = find_stage(name).run
    assert list(inspect.signature(run).parameters) == ["config", "inputs", "out", "runtime"]
    hints = typing.get_type_hints(run)
    assert hints["return"] is Summary and hints["out"] is Path


@every
def test_the_docstring_of_its_configuration_lists_its_inputs(name: str) -> None:
    config = typing.get_type_hints(find_stage(name).run)["config"]
    assert (config.__doc__ or "").startswith("inputs:"), config


def test_stages_that_share_a_verb_or_a_kind_are_told_apart_by_name() -> None:
    assert len({(one.name, one.kind) for one in all_stages()}) == len(list(STAGES))
