"""Numbers that are not finite end a training run: the one place where they are looked for and put into words."""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import nn

from jptransfer.errors import ConfigError
from jptransfer.training.context import TrainingContext
from jptransfer.training.types import Objective, Tensors, to_device


def diverged(what: str, rate: float) -> ConfigError:
    """Return the error for numbers that are not finite any more."""
    return ConfigError(f"training diverged: {what} (learning rate {rate:.3g}); try a smaller one or a longer "
                       "schedule.warmup")


def check_update(loss: float, norm: float, step: int, rate: float) -> None:
    """Raise `ConfigError` if the loss or the gradient of update `step` (from 0 on) is not finite."""
    if math.isfinite(loss) and math.isfinite(norm):
        return
    what = f"loss {loss}, gradient norm {norm} at step {step + 1}"
    raise diverged(what, rate) if step else ConfigError(
        f"training diverged: {what} (no update was made yet, whatever the learning rate); what it starts from, such as "
        "word vectors, or what it reads has numbers that are too large or none")


def check_weights(model: nn.Module, step: int, rate: float) -> None:
    """Raise `ConfigError` if the last update left weights that are not finite: no loss has shown it yet."""
    weights = {name: value for name, value in model.state_dict().items() if value.is_floating_point()}
    lost = torch.stack([~torch.isfinite(value).all() for value in weights.values()] or [torch.tensor(False)]).tolist()
    if any(lost):
        raise diverged(f"{sum(lost)} of {len(lost)} weights are not finite after step {step}, "
                       f"{list(weights)[lost.index(True)]} first", rate)


def check_loss(model: nn.Module, objective: Objective, batch: Tensors, context: TrainingContext, step: int,
               rate: float) -> None:
    """Raise `ConfigError` if the loss on the examples of the last update (`step`) is not finite after it."""
    model.eval()
    with torch.no_grad(), context.autocast():
        terms = objective(model, to_device(batch, context.device)).terms
    check_figures({name: float(value) for name, value in terms.items()}, "loss", step, rate)


def check_figures(figures: Mapping[str, float], kind: str, step: int, rate: float) -> None:
    """Raise `ConfigError` if one of the figures (name -> value) taken after `step` updates is not finite."""
    if lost := [f"{name} {value}" for name, value in figures.items() if not math.isfinite(value)]:
        raise diverged(f"{kind} {', '.join(lost)} after step {step}", rate)
