"""Update rules, and which parameters decay. One file each: its settings, its row in the registry `optimizers`, and what
makes it; torch is imported when one is made."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from jptransfer.config.fields import setting
from jptransfer.errors import ConfigError
from jptransfer.registry import OPTIMIZERS

if TYPE_CHECKING:
    from torch.optim import Optimizer

    from jptransfer.config import OptimizerConfig
    from jptransfer.training.types import ParameterGroup


@dataclass
class MomentsConfig:
    """Decay rates of an optimiser that averages gradients and their squares."""

    betas: list[float] = setting(factory=lambda: [0.9, 0.999])
    """decay rates of the moments"""

    def validate(self) -> str:
        """Return what is wrong with the decay rates, if anything."""
        if len(self.betas) == 2 and all(0 <= beta < 1 for beta in self.betas):
            return ""
        return f".betas: two numbers from 0 to below 1 are needed, not {self.betas}"


def build_optimizer(config: OptimizerConfig, groups: Sequence[ParameterGroup]) -> Optimizer:
    """Return the optimiser of `config`; it does nothing until `set_learning_rate`.

    Matrices decay; vectors and scalars (biases, normalisation) only do with `decay_biases`.
    """
    made: Optimizer = OPTIMIZERS.load(config.name)(list(_decay_groups(config, groups)), config)
    return made


def set_learning_rate(optimizer: Optimizer, rate: float, momentum: float | None = None) -> None:
    """Let every group learn at its own multiple of `rate`, and set what it calls momentum if one is given.

    Raises:
        ConfigError: a rate is too large for the numbers that weights are made of.
    """
    import torch

    for group in optimizer.param_groups:
        group["lr"] = rate * group["rate"]
        if group["lr"] > torch.finfo(torch.float32).max:
            raise ConfigError(f"learning_rate: {group['lr']:.3g} is more than the largest 32-bit number "
                              f"({torch.finfo(torch.float32).max:.3g})")
        if momentum is not None:
            group |= {"betas": (momentum, group["betas"][1])} if "betas" in group else {"momentum": momentum}


def _decay_groups(config: OptimizerConfig, groups: Sequence[ParameterGroup]) -> Iterable[dict[str, Any]]:
    for group in groups:
        trained = [parameter for parameter in group.parameters if parameter.requires_grad]
        for decays in (True, False):
            members = [parameter for parameter in trained if (parameter.ndim > 1) is decays]
            if members:
                decay = config.weight_decay if decays or config.decay_biases else 0.0
                yield {"params": members, "weight_decay": decay, "rate": group.rate}


def fused(groups: list[dict[str, Any]]) -> bool:
    """Whether the device of the parameters has fused updates."""
    return all(p.device.type in ("cpu", "cuda") for group in groups for p in group["params"])
