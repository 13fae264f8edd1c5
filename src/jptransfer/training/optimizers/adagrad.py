"""Optimizer `adagrad`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from jptransfer.config import OptimizerConfig
from jptransfer.config.fields import setting
from jptransfer.registry import OPTIMIZERS

if TYPE_CHECKING:
    from torch.optim import Optimizer


@OPTIMIZERS.register("adagrad", target="adagrad")
@dataclass
class AdagradConfig:
    """Adagrad; decay is added to the gradient (Duchi et al. 2011)."""

    accumulator: float = setting(1.0, low=0.0)
    """initial value of the sum of squared gradients"""


def adagrad(groups: list[dict[str, Any]], config: OptimizerConfig) -> Optimizer:
    """Return Adagrad."""
    from torch.optim import Adagrad

    return Adagrad(groups, lr=0.0, initial_accumulator_value=config.adagrad.accumulator, eps=config.eps)
