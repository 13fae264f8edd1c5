"""Optimizer `adadelta`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from jptransfer.config import OptimizerConfig
from jptransfer.config.fields import setting
from jptransfer.registry import OPTIMIZERS

if TYPE_CHECKING:
    from torch.optim import Optimizer


@OPTIMIZERS.register("adadelta", target="adadelta")
@dataclass
class AdadeltaConfig:
    """Adadelta, whose own learning rate is 1; decay is added to the gradient (Zeiler 2012)."""

    rho: float = setting(0.95, low=0.0, high=1.0)
    """decay rate of the averages"""


def adadelta(groups: list[dict[str, Any]], config: OptimizerConfig) -> Optimizer:
    """Return Adadelta, whose update is multiplied by the learning rate."""
    from torch.optim import Adadelta

    return Adadelta(groups, lr=0.0, rho=config.adadelta.rho, eps=config.eps)
