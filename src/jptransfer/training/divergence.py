"""Checks for non-finite numbers, which end a training run with an error."""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import nn

from jptransfer.errors import ConfigError
from jptransfer.training.context import TrainingContext
from jptransfer.training.types import Objective, Tensors, to_device


def diverged(what: str, rate: float) -> ConfigError:
    """Return the error for numbers that are no longer finite."""
    return ConfigError(f"training diverged: {what} (learning rate {rate:.3g}); try a smaller one or a longer "
                       "schedule.warmup")


def check_update(loss: float, norm: float, step: int, rate: float) -> None:
    """Raise `ConfigError` if the loss or the gradient of update `step` (counted from 0) is not finite."""
    if math.isfinite(loss) and math.isfinite(norm):
        return
    what = f"loss {loss}, gradient norm {norm} at step {step + 1}"
    raise diverged(what, rate) if step else ConfigError(
        f"training diverged: {what} (no update was made yet, whatever the learning rate); what it starts from, such as "
        "word vectors, or what it reads has numbers that are too large or none")


def check_weights(model: nn.Module, step: int, rate: float) -> None:
    """Raise `ConfigError` if weights are not finite after the last update, whose effect no loss has shown yet."""
    weights = {name: value for name, value in model.state_dict().items() if value.is_floating_point()}
    lost = torch.stack([~torch.isfinite(value).all() for value in weights.values()] or [torch.tensor(False)]).tolist()
    if any(lost):
        raise diverged(f"{sum(lost)} of {len(lost)} weights are not finite after step {step}, "
                       f"{list(weights)[lost.index(True)]} first", rate)


def check_loss(model: nn.Module, objective: Objective, batch: Tensors, context: TrainingContext, step: int,
               rate: float) -> None:
    """Raise `ConfigError` if, after the last update (`step`), the loss on its examples is not finite."""
    model.eval()
    with torch.no_grad(), context.autocast():
        terms = objective(model, to_device(batch, context.device)).terms
    check_figures({name: float(value) for name, value in terms.items()}, "loss", step, rate)


def check_figures(figures: Mapping[str, float], kind: str, step: int, rate: float) -> None:
    """Raise `ConfigError` if a metric (name -> value) computed after `step` updates is not finite."""
    if lost := [f"{name} {value}" for name, value in figures.items() if not math.isfinite(value)]:
        raise diverged(f"{kind} {', '.join(lost)} after step {step}", rate)
