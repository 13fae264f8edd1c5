"""What the loop works on: batches of parts, objectives that return sums, settings, results.

The contract that makes a run independent of how it is executed:

- a *global batch* (one update) is a list of *parts*, arrays of example indices. Parts are the unit of work: every part
  has its own random numbers (dropout), derived from (seed, step, part), so that accumulating parts in one process
  and sharing them among several gives the same update within rounding;
- `TrainingData.batches` and `collate` are pure functions of the data's seed, the epoch and the indices;
- an objective returns *sums* of losses; the loop divides by the units of the whole global batch.
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
    """What an objective makes of one collated part.

    Attributes:
        terms: name -> sum of the losses of that term's units (scalar tensors with gradient).
        sums: name -> counter (scalar tensor without gradient) that evaluation adds up, for example `correct`.
    """

    terms: Tensors
    sums: Tensors = field(default_factory=dict)


@dataclass(frozen=True)
class LossTotals:
    """An objective over a whole set of examples: means of the terms' losses, totals of counters and of units."""

    means: dict[str, float]
    sums: dict[str, float]
    units: dict[str, float]

    @property
    def loss(self) -> float:
        """The sum of the terms' means, as in training."""
        return sum(self.means.values())


class Objective(Protocol):
    """What is learned. The loss of a global batch is the sum over terms of (sum of losses / number of units)."""

    def units(self, batch: Tensors) -> dict[str, float]:
        """Units (predictions, examples, sums of weights) behind each term, read off a collated part on the CPU."""

    def __call__(self, model: nn.Module, batch: Tensors) -> LossOutput:
        """Forward pass of one part."""


@runtime_checkable
class Stateful(Protocol):
    """An objective that carries something from update to update, which a resumed run must find again."""

    def state_dict(self) -> Tensors:
        """What this process carries, on the CPU; processes may carry different things."""

    def load_state_dict(self, state: Tensors) -> None:
        """Take what one process carried; called for each of them, in every process."""


class LanguageObjective(Objective, Protocol):
    """An objective of the registry `objectives`; its class is called with the settings and the model."""

    def __init__(self, config: LmTrainingConfig, model: nn.Module) -> None: ...

    def data(self, split: EncodedSplit, tokenizer: Tokenizer, limit: int | None = None,
             shapes: Shapes | None = None) -> LanguageData:
        """What it is trained on.

        Args:
            split: token ids.
            tokenizer: gives the ids of special tokens.
            limit: use so many sequences, the same in every epoch.
            shapes: the few shapes that batches may have; none: just as large as they need to be.
        """

    def metrics(self, totals: LossTotals) -> dict[str, float]:
        """Name what an evaluation came to; `loss` and `perplexity` among them."""


class TrainingData(Protocol):
    """Examples, how they form global batches, and how a part becomes tensors."""

    def batches(self, epoch: int) -> Sequence[Batch]:
        """Global batches of an epoch in order; a pure function of the data's seed and `epoch`."""

    def lengths(self, epoch: int) -> np.ndarray:
        """Tokens of every example (padding not included), by example index."""

    def collate(self, indices: np.ndarray, epoch: int) -> Tensors:
        """Tensors of a part; the random numbers of an example depend on (seed, epoch, example) only."""


class LanguageData(TrainingData, Protocol):
    """What a language model is trained on."""

    def predictions(self, indices: np.ndarray, epoch: int) -> Predictions:
        """Count what is to be predicted in examples."""

    def cut(self) -> Cut:
        """Count what length limits leave out of the text."""


@runtime_checkable
class Constrained(Protocol):
    """A module whose weights stay within bounds: the loop lets it restore them after every update."""

    def constrain(self) -> None:
        """Move weights that left their bounds back; depends on the weights alone."""


@dataclass(frozen=True)
class ParameterGroup:
    """Parameters that share a learning rate: `rate` times the scheduled one."""

    parameters: Sequence[nn.Parameter]
    rate: float = 1.0


@dataclass(frozen=True)
class Origin:
    """Where the numbering of a run begins: what the phases before it did.

    Attributes:
        phase: name of the phase, shown in every record; empty: there are no phases.
        step, epoch, tokens: done before; random numbers and batches are those of the steps and epochs that follow.
    """

    phase: str = ""
    step: int = 0
    epoch: int = 0
    tokens: int = 0


@dataclass(frozen=True)
class LoopSettings:
    """Everything of a training run that changes its outcome.

    Attributes:
        steps: updates to make.
        learning_rate: peak of the schedule.
        evaluate_at: numbers of updates (of this run) after which to evaluate, see `evenly`.
        record_every: updates between training records in the history.
        metric_for_best_model: validation metric that chooses the weights the model is left with; empty: the last ones.
        lower_is_better: whether smaller values of `select` are better.
        checkpoint_every: updates between checkpoints; none: by time, see `RuntimeConfig.checkpoint_seconds`.
        keep_all: whether the weights at each of `evaluate_at` stay in the run's folder, see `loop.kept_weights`.
        patience: evaluations without improvement of `select` before training stops; none: never.
        origin: what was done before this run.
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
"""Called in evaluation mode, without gradients, by every process; what the main process returns counts."""


@dataclass(frozen=True)
class TrainingResult:
    """What a finished run leaves, besides the weights in the model.

    Attributes:
        history: all records, as in `history.jsonl`.
        steps: updates made, those before the run's origin included (fewer than asked for after early stopping).
        best_step: updates after which the weights the model now has were reached.
        metrics: the evaluation at `best_step` (empty if there was none).
        seconds: time spent training, interruptions left out.
    """

    history: list[Record]
    steps: int
    best_step: int
    metrics: dict[str, float]
    seconds: float


def to_device(batch: Tensors, device: torch.device) -> Tensors:
    """Return the batch on `device`."""
    return {name: tensor.to(device, non_blocking=True) for name, tensor in batch.items()}
