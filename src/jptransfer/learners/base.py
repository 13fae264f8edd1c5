"""What every learner is: it makes a task model from examples, and loads it again."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from jptransfer.config import FinetuningConfig, ModelConfig
from jptransfer.learners.prediction import Predictor
from jptransfer.runtime import Runtime
from jptransfer.tasks.base import Task


@dataclass(frozen=True)
class Selection:
    """How candidates (checkpoints, strengths of regularisation) are judged on the validation split.

    Attributes:
        metric: the name of the score that decides, one of those `score` returns.
        higher_is_better: which way is up.
        score: predictions with gold -> the scores of the task by name.
    """

    metric: str
    higher_is_better: bool
    score: Callable[[Sequence[Any]], dict[str, float]]

    def better(self, value: float, than: float | None) -> bool:
        """Whether `value` beats the best so far; equal values do not."""
        return than is None or (value > than if self.higher_is_better else value < than)


@dataclass(frozen=True)
class TransferSource:
    """A task model's folder and the layer groups that are taken from it."""

    folder: Path
    groups: Sequence[str]


@dataclass(frozen=True)
class FitContext:
    """What a learner works on; it must pickle, since it may travel to several processes.

    Attributes:
        task: kind and labels.
        train, validation: examples with gold; `validation` may be empty where nothing has to be chosen.
        config: settings of fine-tuning.
        seed: of everything random.
        selection: how to choose on `validation`.
        out: folder to write the task model to; `work` keeps what an interrupted run resumes from.
        model: architecture of an encoder that starts from scratch.
        tokenizer, language_model: their folders, where the learner needs them.
        transfer: what an encoder with its head takes from another task model; None: nothing.
        features: the folder of frozen features, where the learner needs them.
    """

    task: Task
    train: Sequence[Any]
    validation: Sequence[Any]
    config: FinetuningConfig
    seed: int
    selection: Selection
    out: Path
    work: Path
    model: ModelConfig | None = None
    tokenizer: Path | None = None
    language_model: Path | None = None
    transfer: TransferSource | None = None
    features: Path | None = None


@dataclass(frozen=True)
class FitResult:
    """What a learner leaves: the predictor, settings that `load` needs, the history, and values for the summary."""

    predictor: Predictor
    settings: Mapping[str, Any]
    history: Sequence[Mapping[str, Any]]
    values: Mapping[str, Any] = field(default_factory=dict)


class Learner(Protocol):
    """A way to make task models; implementations are classes registered in `jptransfer.registry.LEARNERS`.

    The field of `FinetuningConfig` that has the learner's name holds its settings, `metric_for_best_model` among them.
    """

    @classmethod
    def fit(cls, job: FitContext, runtime: Runtime) -> FitResult:
        """Train on `job.train`, choose on `job.validation`, write weights to `job.out`."""

    @classmethod
    def load(cls, folder: Path, settings: Mapping[str, Any], runtime: Runtime) -> Predictor:
        """Load what `fit` wrote, with the settings it returned."""
