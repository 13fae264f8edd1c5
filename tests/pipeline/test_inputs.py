"""A stage's sources: what changes between the plan and the end of the stage is not published under the old identity."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from jptransfer.artifacts import Store
from jptransfer.config import Config, CorpusConfig, SourceConfig
from jptransfer.errors import ArtifactError, DataError
from jptransfer.pipeline import Run, build, make_plan, targets
from jptransfer.pipeline.stage import Summary
from jptransfer.runtime import Runtime

from .fakes import fail, replace_run

ACTION: list[Callable[[], object]] = []


def during(config, inputs, out: Path, runtime) -> Summary:
    """A stage in the course of which `ACTION` happens."""
    for action in ACTION:
        action()
    (out / "made.txt").write_text("made")
    return Summary("made")


def plan(verb: str, config: Config, store: Store):
    return make_plan(targets(verb, [Run("main", 0, config)], store, "t"), store)


def folder_config(folder: Path, path: str) -> Config:
    (folder / "texts").mkdir()
    for name in ("a.txt", "b.txt"):
        (folder / "texts" / name).write_text("文です。\n")
    return Config(corpus=CorpusConfig(sources={"mine": SourceConfig(path=path)}))


def change(file: Path) -> None:
    file.write_text("別の文です。\n")


def add(file: Path) -> None:
    (file.parent / "c.txt").write_text("加えた文です。\n")


@pytest.mark.parametrize("moment", ["before", "during"])
@pytest.mark.parametrize("action", [change, add, Path.unlink])
@pytest.mark.parametrize("path", ["texts", "texts/*.txt", "texts/**"])
def test_a_source_that_changes_is_one_error(tmp_path, store, log, monkeypatch, path, action, moment) -> None:
    config = folder_config(tmp_path, str(tmp_path / path))
    made = plan("prepare", config, store)
    replace_run(monkeypatch, "prepare_corpus", during)
    monkeypatch.setattr(f"{__name__}.ACTION", [lambda: action(tmp_path / "texts" / "b.txt")])
    if moment == "before":
        ACTION.pop()()
    with pytest.raises(DataError, match=r"corpus\.sources\.mine\.path: '.*texts.*has changed.*nothing was published"):
        build(made, store, Runtime(), [])
    assert store.all() == [] and (moment == "before" or not (store.work / made.targets[0].id).exists())
    ACTION.clear()
    assert build(plan("prepare", config, store), store, Runtime(), [])


@pytest.mark.parametrize("name", ["corpus.txt", "domain.txt", "task.tsv"])
def test_a_file_that_changes_while_a_stage_reads_it(config: Config, store: Store, log: Path, monkeypatch, tmp_path,
                                                    name: str) -> None:
    for stage in ("prepare_corpus", "prepare_dataset"):
        replace_run(monkeypatch, stage, during)
    monkeypatch.setattr(f"{__name__}.ACTION", [lambda: change(tmp_path / name)])
    with pytest.raises(DataError, match=f"{name}' has changed "):
        build(plan("prepare", config, store), store, Runtime(), [])


def test_a_touched_file_is_the_same_file(config: Config, store: Store, log: Path, monkeypatch, tmp_path) -> None:
    replace_run(monkeypatch, "prepare_corpus", during)
    monkeypatch.setattr(f"{__name__}.ACTION", [(tmp_path / "corpus.txt").touch])
    assert build(plan("prepare", config, store), store, Runtime(), [])


def remove_corpora(store: Store) -> None:
    for one in store.all("corpus"):
        shutil.rmtree(one.path)


def test_an_input_removed_during_a_run_is_one_error_and_made_again(config: Config, store: Store, log: Path,
                                                                   monkeypatch) -> None:
    made = plan("encode", config, store)
    replace_run(monkeypatch, "encode", during)

    def vanish() -> None:
        remove_corpora(store)
        raise FileNotFoundError("train.txt")

    monkeypatch.setattr(f"{__name__}.ACTION", [vanish])
    with pytest.raises(ArtifactError, match=r"corpus/.* cannot be used: it is gone"):
        build(made, store, Runtime(), [])
    ACTION.clear()
    assert build(plan("encode", config, store), store, Runtime(), [])


def test_an_error_of_the_stages_own_stays_what_it_is(config: Config, store: Store, log: Path, monkeypatch) -> None:
    replace_run(monkeypatch, "tokenize", fail)
    with pytest.raises(RuntimeError, match="stage failed"):
        build(plan("encode", config, store), store, Runtime(), [])
