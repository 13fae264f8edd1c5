"""Types of the training loop: batches of parts, objectives that return sums, settings, results.

This contract makes a run independent of how it is executed:

- A *global batch* (one update) is a list of *parts*, arrays of example indices. Every part has its own random numbers
  (dropout), derived from (seed, step, part). So accumulating parts in one process and distributing them over several
  give the same update up to rounding.
- `TrainingData.batches` and `collate` are pure functions of the data's seed, the epoch and the indices.
- An objective returns *sums* of losses; the loop divides by the units of the whole global batch.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import numpy as np
import torch
from torch import Tensor, nn

from jptransfer.config import LmTrainingConfig, OptimizerConfig, Precision, ScheduleConfig

if TYPE_CHECKING:
    from jptransfer.text.cuts import Cut
    from jptransfer.text.encoded import EncodedSplit
    from jptransfer.text.types import Tokenizer
    from jptransfer.training.context import TrainingContext
    from jptransfer.training.shapes import Shapes
    from jptransfer.training.target_counts import Predictions

Batch = Sequence[np.ndarray]
"""A global batch: its parts, each an int64 array of example indices."""

Tensors = dict[str, Tensor]
"""A collated part."""

Record = dict[str, Any]
"""A line of `history.jsonl`."""


@dataclass(frozen=True)
class LossOutput:
    """Result of an objective for one collated part.

    Attributes:
        terms: name -> sum of losses over the term's units (scalar tensors with gradient).
        sums: name -> counter (scalar tensor without gradient) that evaluation sums, for example `correct`.
    """

    terms: Tensors
    sums: Tensors = field(default_factory=dict)


@dataclass(frozen=True)
class LossTotals:
    """Result of an objective for a set of examples: mean losses per term, totals of counters and of units."""

    means: dict[str, float]
    sums: dict[str, float]
    units: dict[str, float]

    @property
    def loss(self) -> float:
        """The sum of the terms' means, as in training."""
        return sum(self.means.values())


class Objective(Protocol):
    """A training objective. The loss of a global batch is the sum over terms of (sum of losses / number of units)."""

    def units(self, batch: Tensors) -> dict[str, float]:
        """Number of units (predictions, examples, sums of weights) per term of a collated part on the CPU."""

    def __call__(self, model: nn.Module, batch: Tensors) -> LossOutput:
        """Forward pass of one part."""


@runtime_checkable
class Stateful(Protocol):
    """An objective with state that persists between updates and is saved in checkpoints."""

    def state_dict(self) -> Tensors:
        """Return the state of this process, on the CPU; it may differ between processes."""

    def load_state_dict(self, state: Tensors) -> None:
        """Restore the state of one process. Every process calls this once per saved process."""


class LanguageObjective(Objective, Protocol):
    """An objective of the registry `objectives`. Its class is called with the settings and the model."""

    def __init__(self, config: LmTrainingConfig, model: nn.Module) -> None: ...

    def data(self, split: EncodedSplit, tokenizer: Tokenizer, limit: int | None = None,
             shapes: Shapes | None = None) -> LanguageData:
        """Return the training data.

        Args:
            split: token ids.
            tokenizer: provides the ids of special tokens.
            limit: number of sequences to use, the same ones in every epoch.
            shapes: the shapes that batches may have. None: as small as possible.
        """

    def metrics(self, totals: LossTotals) -> dict[str, float]:
        """Return the metrics of an evaluation by name, including `loss` and `perplexity`."""


class TrainingData(Protocol):
    """Training examples: their global batches, and the tensors of a part."""

    def batches(self, epoch: int) -> Sequence[Batch]:
        """Return the global batches of an epoch in order; a pure function of the data's seed and `epoch`."""

    def lengths(self, epoch: int) -> np.ndarray:
        """Return the number of tokens of every example (without padding), by example index."""

    def collate(self, indices: np.ndarray, epoch: int) -> Tensors:
        """Return the tensors of a part. The random numbers of an example depend on (seed, epoch, example) only."""


class LanguageData(TrainingData, Protocol):
    """Training data of a language model."""

    def predictions(self, indices: np.ndarray, epoch: int) -> Predictions:
        """Count the predictions in these examples."""

    def cut(self) -> Cut:
        """Count the text that length limits leave out."""


@runtime_checkable
class Constrained(Protocol):
    """A module with bounds on its weights, which the loop calls after every update."""

    def constrain(self) -> None:
        """Move weights outside their bounds back; a function of the weights only."""


@dataclass(frozen=True)
class ParameterGroup:
    """Parameters that share a learning rate: `rate` times the scheduled one."""

    parameters: Sequence[nn.Parameter]
    rate: float = 1.0


@dataclass(frozen=True)
class Origin:
    """Start of the numbering of a run, after the phases before it.

    Attributes:
        phase: name of the phase, shown in every record; empty if the run has no phases.
        step, epoch, tokens: numbers done before. Random numbers and batches continue from there.
    """

    phase: str = ""
    step: int = 0
    epoch: int = 0
    tokens: int = 0


@dataclass(frozen=True)
class LoopSettings:
    """All settings of a training run that affect its result.

    Attributes:
        steps: number of updates.
        learning_rate: peak of the schedule.
        evaluate_at: numbers of updates (of this run) after which to evaluate, see `evenly`.
        record_every: updates between training records in the history.
        metric_for_best_model: validation metric that selects the final weights; empty: the last ones.
        lower_is_better: whether smaller values of `metric_for_best_model` are better.
        checkpoint_every: updates between checkpoints. None: by time, see `RuntimeConfig.checkpoint_seconds`.
        keep_all: whether the weights at each of `evaluate_at` are kept in the run's folder, see `loop.kept_weights`.
        patience: evaluations without improvement of `metric_for_best_model` before training stops. None: never.
        origin: steps, epochs and tokens before this run.
    """

    steps: int
    learning_rate: float
    optimizer: OptimizerConfig = field(default_factory=OptimizerConfig)
    schedule: ScheduleConfig = field(default_factory=ScheduleConfig)
    precision: Precision = Precision.fp32
    seed: int = 0
    evaluate_at: frozenset[int] = frozenset()
    record_every: int = 10
    metric_for_best_model: str = ""
    lower_is_better: bool = False
    keep_all: bool = False
    patience: int | None = None
    checkpoint_every: int | None = None
    origin: Origin = Origin()


def evenly(steps: int, times: int) -> frozenset[int]:
    """Return `times` numbers of updates spread evenly over `steps`, the last one at the end."""
    return frozenset(round(steps * (i + 1) / times) for i in range(times)) - {0}


Evaluate = Callable[[nn.Module, "TrainingContext"], Mapping[str, float]]
"""Called by every process, in evaluation mode and without gradients. The main process's result is used."""


@dataclass(frozen=True)
class TrainingResult:
    """Result of a finished run, besides the weights in the model.

    Attributes:
        history: all records, as in `history.jsonl`.
        steps: updates made, including those before the run's origin (fewer than requested after early stopping).
        best_step: number of updates of the model's final weights.
        metrics: the evaluation at `best_step` (empty if there was none).
        seconds: training time without interruptions.
        seconds_at: updates -> the training time at their evaluation; no two runs have the same.
    """

    history: list[Record]
    steps: int
    best_step: int
    metrics: dict[str, float]
    seconds: float
    seconds_at: dict[str, float] = field(default_factory=dict)


def to_device(batch: Tensors, device: torch.device) -> Tensors:
    """Return the batch on `device`."""
    return {name: tensor.to(device, non_blocking=True) for name, tensor in batch.items()}
