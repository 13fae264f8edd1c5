"""One door to a trained task model of any learner: examples in, the task's predictions out."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from jptransfer.errors import ArtifactError
from jptransfer.registry import LEARNERS
from jptransfer.runtime import Runtime
from jptransfer.tasks.base import Task

TASK_MODEL = "task_model.json"


class Predictor(Protocol):
    """A loaded task model; `task` says its kind, labels and main metric."""

    task: Task

    def predict(self, examples: Sequence[Any], batch_size: int = 64) -> list[Any]:
        """Return the task's prediction for each example, in order (see `jptransfer.tasks`).

        Examples may lack gold: `task.example(id, text)` makes one of a text. How examples are divided over calls and
        batches changes probabilities by no more than rounding.
        """


def read_settings(folder: Path) -> Mapping[str, Any]:
    """Return the contents of ``task_model.json``: learner, kind, labels and what predicting needs.

    Raises:
        ArtifactError: `folder` holds no task model.
    """
    path = folder / TASK_MODEL
    if not path.is_file():
        raise ArtifactError(f"{folder} holds no task model (it has no {TASK_MODEL})")
    return json.loads(path.read_text(encoding="utf-8"))


def load_predictor(folder: Path, runtime: Runtime) -> Predictor:
    """Load the task model in `folder`, whatever its learner."""
    settings = read_settings(folder)
    return LEARNERS.load(settings["learner"]).load(folder, settings, runtime)
