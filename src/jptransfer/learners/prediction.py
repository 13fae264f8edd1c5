"""One door to a trained task model of any learner: examples in, the task's predictions out."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from jptransfer.errors import ArtifactError, ConfigError, raising_as
from jptransfer.files import json_text
from jptransfer.plugins import check_loaded
from jptransfer.registry import LEARNERS
from jptransfer.runtime import Runtime
from jptransfer.tasks.abilities import Averages
from jptransfer.tasks.base import Task, describe, make_task, same_task
from jptransfer.text.cuts import Cut

TASK_MODEL = "task_model.json"
PAIRS = "text_pair"
"""Setting of a task model: whether it was trained on pairs of texts."""
EPOCHS = "epochs"
"""Folder in that of a task model with the task models of all its epochs, ``1`` on."""


class Predictor(Protocol):
    """A loaded task model; `task` says its kind, labels and main metric.

    One with length limits also has `cut`: what they have left out of all texts so far, see `cut_so_far`.
    """

    task: Task

    def predict(self, examples: Sequence[Any], batch_size: int = 64) -> list[Any]:
        """Return the task's prediction for each example, in order (see `jptransfer.tasks`).

        Examples may lack gold: `task.example(id, text)` makes one of a text. How examples are divided over calls and
        batches changes probabilities by no more than rounding.
        """


def cut_so_far(predictor: Predictor) -> Cut:
    """Return what length limits have left out of all texts that the predictor has read."""
    return getattr(predictor, "cut", Cut())


class Ensemble:
    """Several task models whose predictions are averaged (see `Predictor`)."""

    def __init__(self, predictors: Sequence[Predictor]) -> None:
        """Take models of one task.

        Raises:
            ConfigError: they are of different tasks, or of a kind whose predictions cannot be averaged.
        """
        self.predictors, self.task, self.cut = predictors, predictors[0].task, Cut()
        for other in predictors[1:]:
            if not same_task(other.task, self.task):
                raise ConfigError(f"an ensemble's models must be of one task, but one is for {describe(self.task)}, "
                                  f"another for {describe(other.task)}")
        if not isinstance(self.task, Averages):
            raise ConfigError(f"an ensemble averages predictions, and those of kind {self.task.kind} have no average")

    def predict(self, examples: Sequence[Any], batch_size: int = 64) -> list[Any]:
        """Return the average prediction for each example (see `Predictor`).

        What the model that reads least leaves out of them is added to `cut`.
        """
        before = list(map(cut_so_far, self.predictors))
        found = [predictor.predict(examples, batch_size) for predictor in self.predictors]
        cuts = (cut_so_far(one).since(earlier) for one, earlier in zip(self.predictors, before, strict=True))
        self.cut += max(cuts, key=lambda cut: (cut.tokens_cut, cut.characters_cut))
        assert isinstance(self.task, Averages)
        return self.task.average(found)


def load_ensemble(folders: Sequence[Path], runtime: Runtime) -> Predictor:
    """Load one task model, or several whose predictions are averaged.

    Raises:
        ConfigError: they are of different tasks.
    """
    predictors = [load_predictor(folder, runtime) for folder in folders]
    return predictors[0] if len(predictors) == 1 else Ensemble(predictors)


def write_settings(folder: Path, settings: Mapping[str, Any]) -> None:
    """Write ``task_model.json``, also for the epochs that are kept."""
    for place in (folder, *epochs_of(folder)):
        (place / TASK_MODEL).write_text(json_text(settings, indent=1) + "\n", encoding="utf-8")


def epochs_of(folder: Path) -> list[Path]:
    """Return the folders of the task models of each epoch, in order; none were kept: an empty list."""
    return sorted((folder / EPOCHS).glob("*"), key=lambda path: int(path.name))


def read_settings(folder: Path) -> Mapping[str, Any]:
    """Return the contents of ``task_model.json``: learner, kind, labels and what predicting needs.

    Raises:
        ArtifactError: `folder` holds no task model, or what says how to load it is damaged.
    """
    path = folder / TASK_MODEL
    if not path.is_file():
        raise ArtifactError(f"{folder} holds no task model (it has no {TASK_MODEL})")
    try:
        settings = json.loads(path.read_text(encoding="utf-8"))
        needed = list(settings.get("plugins", {}))
    except (ValueError, AttributeError, RecursionError) as error:
        raise ArtifactError(f"{path} is damaged: {type(error).__name__}: {error}") from error
    check_loaded(needed, str(folder))
    try:
        LEARNERS.check(settings["learner"])
        make_task(settings["kind"], settings["labels"])
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, ConfigError) as error:
        raise ArtifactError(f"{path} is damaged: {type(error).__name__}: {error}") from error
    return settings


def reads_pairs(folders: Sequence[Path]) -> bool:
    """Return whether the task models in `folders` were trained on pairs of texts.

    Raises:
        ConfigError: some were, others were not.
    """
    found = {bool(read_settings(folder).get(PAIRS)) for folder in folders}
    if len(found) > 1:
        raise ConfigError("an ensemble's models must be of one task, but some read pairs of texts and others do not")
    return found.pop()


def has_pairs(examples: Iterable[Any]) -> bool:
    """Return whether examples are pairs of texts."""
    return any(example.text_pair for example in examples)


def load_predictor(folder: Path, runtime: Runtime) -> Predictor:
    """Load the task model in `folder`, whatever its learner."""
    settings = read_settings(folder)
    with raising_as(f"{folder}: its task model cannot be loaded", ArtifactError):
        return LEARNERS.load(settings["learner"]).load(folder, settings, runtime)
