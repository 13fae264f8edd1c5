"""Optimizer `adam`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from jptransfer.config import OptimizerConfig
from jptransfer.registry import OPTIMIZERS
from jptransfer.training.optimizers import MomentsConfig, fused

if TYPE_CHECKING:
    from torch.optim import Optimizer


@OPTIMIZERS.register("adam", target="adam")
@dataclass
class AdamConfig(MomentsConfig):
    """Adam: decay is added to the gradient (Kingma and Ba 2015)."""


def adam(groups: list[dict[str, Any]], config: OptimizerConfig) -> Optimizer:
    """Return Adam, fused where the device has it."""
    from torch.optim import Adam

    return Adam(groups, lr=0.0, betas=tuple(config.adam.betas), eps=config.eps, fused=fused(groups))
