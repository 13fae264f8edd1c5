"""The command line in this process: what it prints and how it ends."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from jptransfer import cli


@dataclass(frozen=True)
class Result:
    code: int
    out: str
    err: str


@pytest.fixture
def jpt(capsys, monkeypatch, tmp_path) -> Callable[..., Result]:
    """Run one command line in an empty folder, outputs in its `outputs`."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["jpt"])
    for name in ("HYDRA_FULL_ERROR", "JPT_DEBUG", "JPT_OUTPUTS", "JPT_DATA_ROOT"):
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level

    def run(*arguments: str) -> Result:
        capsys.readouterr()
        with pytest.raises(SystemExit) as ending:
            cli.main(list(arguments))
        os.environ.pop("HYDRA_FULL_ERROR", None)
        os.environ.pop("JPT_DEBUG", None)
        captured = capsys.readouterr()
        return Result(int(ending.value.code or 0), captured.out, captured.err)

    yield run
    root.handlers[:], root.level = handlers, level


@pytest.fixture
def text(tmp_path) -> Path:
    """A tiny corpus of three documents."""
    path = tmp_path / "text.txt"
    documents = ["朝の市場は魚の匂いがする。\n店主が声を張る。", "港に船が着いた。", "雪が静かに積もる。"]
    path.write_text("\n\n".join(documents) + "\n", encoding="utf-8")
    return path
