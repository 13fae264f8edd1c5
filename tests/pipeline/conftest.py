"""A small configuration on files of its own, with fake stages."""

from __future__ import annotations

from pathlib import Path

import pytest

from jptransfer.artifacts import Store
from jptransfer.config import Config, CorpusConfig, FinetuningConfig, SourceConfig, TaskConfig
from jptransfer.registry import STAGES

from .fakes import copy, replace_run


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "outputs")


@pytest.fixture
def log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    file = tmp_path / "log"
    file.touch()
    monkeypatch.setenv("FAKE_LOG", str(file))
    for name in STAGES:
        replace_run(monkeypatch, name, copy)
    return file


def small_config(folder: Path) -> Config:
    """Return a configuration on files below `folder`; those that are there are not written again, since other processes
    may be reading them."""
    for file in (folder / name for name in ("corpus.txt", "domain.txt", "task.tsv")):
        if not file.exists():
            head, cell = ("text\tlabel\n", "\t1") if file.suffix == ".tsv" else ("", "")
            file.write_text(f"{head}{file.name}の文です。{cell}\n")
    return Config(
        corpus=CorpusConfig(sources={"a": SourceConfig(path=str(folder / "corpus.txt"))}),
        domain=CorpusConfig(sources={"a": SourceConfig(path=str(folder / "domain.txt"))}),
        task=TaskConfig(dataset="text_file", files={"all": str(folder / "task.tsv")}),
        finetuning=FinetuningConfig(),
    )


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return small_config(tmp_path)
