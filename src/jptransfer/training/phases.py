"""Training in phases, each with its own trainable layer groups and rates (Howard & Ruder 2018, section 3.3).

Each phase is one run of the training loop with its own folder below `work`. A killed run resumes there; the results of
finished phases are loaded.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate
from pathlib import Path

from torch import Tensor, nn

from jptransfer.config import PhaseConfig
from jptransfer.errors import ConfigError
from jptransfer.training.context import TrainingContext
from jptransfer.training.loop import train
from jptransfer.training.types import (
    Evaluate,
    LoopSettings,
    Objective,
    Origin,
    ParameterGroup,
    TrainingData,
    TrainingResult,
)
from jptransfer.transfer.groups import Groups, select


@dataclass(frozen=True)
class TrainSpec:
    """Objective, training data and evaluation of a run (see `loop.train`)."""

    objective: Objective
    data: TrainingData
    evaluate: Evaluate | None = None


@dataclass(frozen=True)
class Phase:
    """One run of the training loop.

    Attributes:
        name: shown in the history; empty if the run is not divided into phases.
        settings: settings of the loop.
        groups: the parameters to train; all others are frozen. None: all that require gradients.
        lesson: objective and data of this phase. None: those of the whole run.
    """

    name: str
    settings: LoopSettings
    groups: Sequence[ParameterGroup] | None
    lesson: TrainSpec | None = None


def make_phases(
    configs: Mapping[str, PhaseConfig],
    groups: Groups,
    frozen: Collection[str],
    factors: Callable[[float | None], Mapping[str, float]],
    settings: Callable[[PhaseConfig], LoopSettings],
) -> list[Phase]:
    """Return the phases of a configuration.

    Args:
        configs: name -> phase, in order.
        groups: layer groups of the model.
        frozen: names of the groups that are never trained.
        factors: rate decay (None: the config section's own) -> multiple of the learning rate per layer group.
        settings: phase -> settings of its run, at the section's own learning rate.

    Raises:
        ConfigError: unknown layer groups, or a phase that trains nothing.
    """
    phases = []
    for name, config in configs.items():
        whole = settings(config)
        rates = dict(factors(config.layerwise_lr_decay))
        for pattern, rate in config.lr_multipliers.items():
            rates.update(dict.fromkeys(select(groups, [pattern], f"phase '{name}': lr_multipliers"), rate))
        learning = [group for group in select(groups, config.unfreeze, f"phase '{name}': unfreeze")
                    if group not in frozen]
        if not learning:
            raise ConfigError(f"phase '{name}': unfreeze and freeze leave nothing to learn")
        whole = replace(whole, learning_rate=whole.learning_rate * config.lr_multiplier,
                        schedule=config.schedule or whole.schedule)
        phases.append(Phase(name, whole, parameter_groups(groups, learning, rates)))
    return phases


def parameter_groups(groups: Groups, names: Sequence[str], rates: Mapping[str, float]) -> list[ParameterGroup]:
    """Return the parameters of the layer groups `names` with their rates."""
    return [ParameterGroup(list(groups[name].values()), rates[name]) for name in names]


def train_phases(
    model: nn.Module,
    lesson: TrainSpec,
    phases: Sequence[Phase],
    context: TrainingContext,
    work: Path,
) -> TrainingResult:
    """Train `model` in `phases`, each starting from the weights of the previous one (see `loop.train`).

    Steps, epochs and tokens are counted across phases. The model has the last weights afterwards, or the best ones of
    all phases if the phases select the best.
    """
    results: list[TrainingResult] = []
    best, weights = 0, dict[str, Tensor]()
    origin = Origin()
    for number, phase in enumerate(phases):
        if phase.groups is not None:
            _let_learn(model, phase.groups)
        settings = replace(phase.settings, origin=replace(origin, phase=phase.name))
        folder = work / f"phase-{number + 1}" if phase.name else work
        part = phase.lesson or lesson
        results.append(train(model, part.objective, part.data, settings, context, folder, part.evaluate, phase.groups))
        origin = _after(results[-1])
        if _improves(results[-1], results[best], settings):
            best = number
            if phase is not phases[-1]:
                weights = {name: value.detach().cpu().clone() for name, value in model.state_dict().items()}
    if best < len(results) - 1:
        model.load_state_dict(weights)
    history = [record for result in results for record in result.history]
    seconds = list(accumulate((result.seconds for result in results), initial=0.0))
    times = {step: before + at for result, before in zip(results, seconds, strict=False)
             for step, at in result.seconds_at.items()}
    return replace(results[best], history=history, steps=results[-1].steps, seconds=seconds[-1], seconds_at=times)


def _let_learn(model: nn.Module, groups: Sequence[ParameterGroup]) -> None:
    model.requires_grad_(False)
    for group in groups:
        for parameter in group.parameters:
            parameter.requires_grad_(True)


def _after(result: TrainingResult) -> Origin:
    last = result.history[-1]
    return Origin("", result.steps, math.ceil(last["epoch"]), last["tokens"])


def _improves(result: TrainingResult, best: TrainingResult, settings: LoopSettings) -> bool:
    if not settings.metric_for_best_model or result is best:
        return True
    value, former = result.metrics[settings.metric_for_best_model], best.metrics[settings.metric_for_best_model]
    return value < former if settings.lower_is_better else value > former
