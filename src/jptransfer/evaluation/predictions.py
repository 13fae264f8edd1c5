"""Evaluations on disk: `metrics.json` and the stored prediction of every example (docs/FORMATS.md)."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from jptransfer.errors import ArtifactError, ConfigError, unknown
from jptransfer.files import json_text
from jptransfer.tasks.abilities import Collapses, WritesReports
from jptransfer.tasks.base import Task, describe, make_task, outcomes_of, same_task
from jptransfer.tasks.files import PREDICTIONS, read_predictions, write_predictions
from jptransfer.tasks.outcomes import Outcomes

METRICS_FILE, DETAILS_FILE = "metrics.json", "evaluation.json"


@dataclass(frozen=True)
class Predictions:
    """A task's predictions for one split, in the order of the data set."""

    task: Task
    split: str
    rows: list[Any]

    @cached_property
    def outcomes(self) -> Outcomes:
        """Gold and predicted answers."""
        return outcomes_of(self.task, self.rows)

    @cached_property
    def collapsed(self) -> str:
        """What the model says of every example, if it is always the same; else an empty string."""
        return self.task.collapsed(self.rows) if isinstance(self.task, Collapses) else ""


@dataclass(frozen=True)
class Scores:
    """Scores of one split.

    Attributes:
        metrics: metric -> ``{value, low, high, n}``; without resampling low and high are None; n counts examples.
        details: further scores of the kind of task (`Task.details`).
    """

    metrics: dict[str, dict[str, Any]]
    details: dict[str, Any]


@dataclass(frozen=True)
class Evaluation:
    """An evaluation artifact.

    Attributes:
        task: over the labels of the data set.
        metric: name of the main metric.
        metrics: split -> metric -> value, low, high, n (``metrics.json``).
        details: split -> further scores of the kind of task (in ``evaluation.json``).
    """

    folder: Path
    task: Task
    metric: str
    metrics: dict[str, dict[str, dict[str, Any]]]
    details: dict[str, dict[str, Any]]

    @property
    def splits(self) -> list[str]:
        """Splits that were scored."""
        return list(self.metrics)

    def predictions(self, split: str) -> Predictions:
        """Read the predictions of a split.

        Raises:
            ConfigError: the split was not scored.
            ArtifactError: its file is missing.
        """
        if split not in self.splits:
            raise ConfigError(f"{self.folder.name}: " + unknown("split", split, self.splits))
        if not (self.folder / PREDICTIONS).is_file():
            raise ArtifactError(f"{self.folder / PREDICTIONS} is missing; evaluate again")
        return Predictions(self.task, split, read_predictions(self.task, self.folder, split))


def write_evaluation(folder: Path, metric: str, scored: Sequence[tuple[Predictions, Scores]]) -> None:
    """Store an evaluation: predictions, metrics, details, and the kind's text reports, `<name>/<split>.txt`.

    Args:
        folder: of the artifact.
        metric: name of the main metric.
        scored: the predictions of every split with their scores.
    """
    task = scored[0][0].task
    write_predictions(task, folder, {predictions.split: predictions.rows for predictions, _ in scored})
    details = {predictions.split: scores.details for predictions, scores in scored}
    document = {"task": task.kind, "labels": task.labels, "metric": metric, "splits": details}
    for name, data in ((METRICS_FILE, {p.split: scores.metrics for p, scores in scored}), (DETAILS_FILE, document)):
        (folder / name).write_text(json_text(data, indent=1) + "\n", encoding="utf-8")
    for predictions, _ in scored:
        reports = task.text_reports(predictions.outcomes) if isinstance(task, WritesReports) else {}
        for name, text in reports.items():
            path = folder / name / f"{predictions.split}.txt"
            path.parent.mkdir(exist_ok=True)
            path.write_text(text, encoding="utf-8")


def load_evaluation(folder: Path) -> Evaluation:
    """Open an evaluation's folder.

    Raises:
        ArtifactError: it holds no evaluation.
    """
    for name in (METRICS_FILE, DETAILS_FILE):
        if not (folder / name).is_file():
            raise ArtifactError(f"{folder} holds no evaluation (no {name} in it)")
    metrics, about = (json.loads((folder / name).read_text(encoding="utf-8")) for name in (METRICS_FILE, DETAILS_FILE))
    return Evaluation(folder, make_task(about["task"], about["labels"]), about["metric"], metrics, about["splits"])


def check_same_examples(runs: Sequence[Predictions]) -> None:
    """Raise `ArtifactError` unless all predictions are of the same examples, with the same gold, in the same order."""
    first = runs[0]
    for other in runs[1:]:
        if not same_task(first.task, other.task):
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
