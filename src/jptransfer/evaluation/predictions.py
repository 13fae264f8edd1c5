"""Evaluations on disk: `metrics.json` and the stored prediction of every example (docs/FORMATS.md)."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from jptransfer.errors import ArtifactError, ConfigError, unknown
from jptransfer.evaluation.metrics import NER, Metric, Outcomes, conlleval_report
from jptransfer.tasks.base import Task, make_task, read_predictions, write_predictions

METRICS_FILE = "metrics.json"


@dataclass(frozen=True)
class Predictions:
    """A task's predictions for one split, in the order of the data set."""

    task: Task
    split: str
    rows: list[Any]

    @cached_property
    def outcomes(self) -> Outcomes:
        """Gold and predicted answers."""
        return Outcomes.of(self.task, self.rows)


@dataclass(frozen=True)
class Evaluation:
    """An evaluation artifact: the task with its labels, and what `metrics.json` says."""

    folder: Path
    task: Task
    document: dict[str, Any]

    @property
    def splits(self) -> list[str]:
        """Splits that were scored."""
        return list(self.document["splits"])

    def predictions(self, split: str) -> Predictions:
        """Read the predictions of a split.

        Raises:
            ConfigError: the split was not scored.
            ArtifactError: its file is missing.
        """
        if split not in self.splits:
            raise ConfigError(f"{self.folder.name}: " + unknown("split", split, self.splits))
        path = prediction_file(self.folder, split)
        if not path.is_file():
            raise ArtifactError(f"{path} is missing; evaluate again")
        return Predictions(self.task, split, read_predictions(self.task, path))


def prediction_file(folder: Path, split: str) -> Path:
    """Return where a split's predictions lie in an evaluation's (or task model's) folder."""
    return folder / "predictions" / f"{split}.parquet"


def write(predictions: Predictions, folder: Path) -> None:
    """Store predictions in an evaluation's folder; for entities also conlleval's report, `conlleval/<split>.txt`."""
    write_predictions(predictions.task, prediction_file(folder, predictions.split), predictions.rows)
    if predictions.task.kind == NER:
        path = folder / "conlleval" / f"{predictions.split}.txt"
        path.parent.mkdir(exist_ok=True)
        path.write_text(conlleval_report(predictions.outcomes), encoding="utf-8")


def load_evaluation(folder: Path) -> Evaluation:
    """Open an evaluation's folder.

    Raises:
        ArtifactError: it holds no evaluation.
    """
    path = folder / METRICS_FILE
    if not path.is_file():
        raise ArtifactError(f"{folder} holds no evaluation (no {METRICS_FILE} in it)")
    document = json.loads(path.read_text(encoding="utf-8"))
    return Evaluation(folder, make_task(document["task"], document["labels"]), document)


def describe(task: Task) -> str:
    """Return a task's kind and labels for a message."""
    return f"{task.kind} ({', '.join(task.labels)})"


def check_same_examples(runs: Sequence[Predictions]) -> None:
    """Raise `ArtifactError` unless all predictions are of the same examples, with the same gold, in the same order."""
    first = runs[0]
    for other in runs[1:]:
        if (first.task.kind, first.task.labels) != (other.task.kind, other.task.labels):
            tasks = f"{describe(first.task)} and {describe(other.task)}"
            raise ArtifactError(f"the evaluations are of different tasks: {tasks}")
        if len(first.rows) != len(other.rows):
            raise ArtifactError(
                f"the evaluations hold {len(first.rows)} and {len(other.rows)} examples of split '{first.split}'"
            )
        for one, two in zip(first.rows, other.rows, strict=True):
            if one.id != two.id:
                raise ArtifactError(f"the evaluations are of different examples: '{one.id}' and '{two.id}'")
            if one.gold != two.gold:
                raise ArtifactError(f"the evaluations disagree on the gold answer of example '{one.id}'")


def stack_counts(runs: Sequence[Predictions], metric: Metric) -> np.ndarray:
    """Return the metric's counts of runs on the same examples, (runs, examples, columns)."""
    return np.stack([metric.counts(run.outcomes) for run in runs])
