"""Optimizer `sgd`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from jptransfer.config import OptimizerConfig
from jptransfer.config.fields import setting
from jptransfer.registry import OPTIMIZERS

if TYPE_CHECKING:
    from torch.optim import Optimizer


@OPTIMIZERS.register("sgd", target="sgd")
@dataclass
class SgdConfig:
    """Gradient descent with momentum; decay is added to the gradient."""

    momentum: float = setting(0.0, low=0.0, high=1.0)
    """share of the last update in the next"""


def sgd(groups: list[dict[str, Any]], config: OptimizerConfig) -> Optimizer:
    """Return gradient descent."""
    from torch.optim import SGD

    return SGD(groups, lr=0.0, momentum=config.sgd.momentum)
