"""Stages that only copy text, so that the pipeline is tested without any of the real ones."""

from __future__ import annotations

import os
import time
from dataclasses import replace
from importlib import import_module
from pathlib import Path

import pytest

from jptransfer.pipeline.stage import WORK, Run, Summary


def replace_run(monkeypatch: pytest.MonkeyPatch, stage: str, run: Run) -> None:
    """Let a stage be built by `run`; all else of it stays."""
    module = import_module(f"jptransfer.stages.{stage}")
    monkeypatch.setattr(module, "STAGE", replace(module.STAGE, run=run))


def copy(config, inputs, out: Path, runtime) -> Summary:
    """Write the names of the inputs' folders; append a line to $FAKE_LOG; wait $FAKE_SECONDS half-way."""
    with Path(os.environ["FAKE_LOG"]).open("a") as log:
        log.write(f"{type(config).__name__}\n")
    (out / WORK / "half").touch()
    time.sleep(float(os.environ.get("FAKE_SECONDS", "0")))
    (out / "made.txt").write_text("".join(f"{role}\n" for role in sorted(inputs)))
    return Summary("made", {"inputs": len(inputs)})


def fail(config, inputs, out: Path, runtime) -> Summary:
    """Always fail."""
    raise RuntimeError("stage failed")
