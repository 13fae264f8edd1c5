"""Classify or tag a file of texts with a task model: what `jpt predict` does."""

from __future__ import annotations

from pathlib import Path

from jptransfer.config import PredictConfig
from jptransfer.runtime import Runtime


def predict_file(config: PredictConfig, folder: Path, runtime: Runtime) -> int:
    """Predict every text of `config.input` with the task model in `folder`; return the number of texts."""
    raise NotImplementedError
