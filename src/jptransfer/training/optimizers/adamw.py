"""Optimizer `adamw`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from jptransfer.config import OptimizerConfig
from jptransfer.registry import OPTIMIZERS
from jptransfer.training.optimizers import MomentsConfig, fused

if TYPE_CHECKING:
    from torch.optim import Optimizer


@OPTIMIZERS.register("adamw", target="adamw")
@dataclass
class AdamwConfig(MomentsConfig):
    """AdamW: decoupled weight decay, bias correction (Loshchilov and Hutter 2019)."""


def adamw(groups: list[dict[str, Any]], config: OptimizerConfig) -> Optimizer:
    """Return AdamW, fused where the device has it."""
    from torch.optim import AdamW

    return AdamW(groups, lr=0.0, betas=tuple(config.adamw.betas), eps=config.eps, fused=fused(groups))
