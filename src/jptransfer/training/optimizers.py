"""Update rules, and which parameters decay."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.optim import SGD, Adadelta, Adagrad, Adam, AdamW, Optimizer

from jptransfer.config import OptimizerConfig
from jptransfer.errors import ConfigError
from jptransfer.registry import OPTIMIZERS
from jptransfer.training.types import ParameterGroup


def build_optimizer(config: OptimizerConfig, groups: Sequence[ParameterGroup]) -> Optimizer:
    """Return the optimiser of `config`; it does nothing until `set_learning_rate`.

    Matrices decay; vectors and scalars (biases, normalisation) only do with `decay_biases`.
    """
    return OPTIMIZERS.load(config.name)(list(_decay_groups(config, groups)), config)


def set_learning_rate(optimizer: Optimizer, rate: float, momentum: float | None = None) -> None:
    """Let every group learn at its own multiple of `rate`, and set what it calls momentum if one is given.

    Raises:
        ConfigError: a rate is too large for the numbers that weights are made of.
    """
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


def adamw(groups: list[dict[str, Any]], config: OptimizerConfig) -> Optimizer:
    """AdamW (Loshchilov & Hutter 2019), fused where the device has it."""
    return AdamW(groups, lr=0.0, betas=_betas(config), eps=config.eps, fused=_fused(groups))


def adam(groups: list[dict[str, Any]], config: OptimizerConfig) -> Optimizer:
    """Adam (Kingma & Ba 2015), fused where the device has it; decay is part of the gradient."""
    return Adam(groups, lr=0.0, betas=_betas(config), eps=config.eps, fused=_fused(groups))


def adadelta(groups: list[dict[str, Any]], config: OptimizerConfig) -> Optimizer:
    """Adadelta (Zeiler 2012), whose update is multiplied by the learning rate; decay is part of the gradient."""
    return Adadelta(groups, lr=0.0, rho=config.rho, eps=config.eps)


def adagrad(groups: list[dict[str, Any]], config: OptimizerConfig) -> Optimizer:
    """Adagrad (Duchi et al. 2011), its sums beginning at `accumulator`; decay is part of the gradient."""
    return Adagrad(groups, lr=0.0, initial_accumulator_value=config.accumulator, eps=config.eps)


def sgd(groups: list[dict[str, Any]], config: OptimizerConfig) -> Optimizer:
    """Gradient descent with momentum; decay is part of the gradient."""
    return SGD(groups, lr=0.0, momentum=config.momentum)


def _fused(groups: list[dict[str, Any]]) -> bool:
    return all(p.device.type in ("cpu", "cuda") for group in groups for p in group["params"])


def _betas(config: OptimizerConfig) -> tuple[float, float]:
    """Return the two decay rates, from 0 to below 1, or raise `ConfigError`."""
    if problem := config.validate():
        raise ConfigError(f"optimizer{problem}")
    return config.betas[0], config.betas[1]


class BertAdam(Optimizer):
    """The Adam of BERT's own code (`AdamWeightDecayOptimizer`): no bias correction, decay added to the update.

    m = b1 m + (1 - b1) g; v = b2 v + (1 - b2) g^2; p = p - lr (m / (sqrt(v) + eps) + decay p).
    """

    def __init__(self, groups: list[dict[str, Any]], config: OptimizerConfig) -> None:
        super().__init__(groups, {"lr": 0.0, "betas": _betas(config), "eps": config.eps, "weight_decay": 0.0})

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        """Make one update from the gradients."""
        for group in self.param_groups:
            parameters: list[Tensor] = [p for p in group["params"] if p.grad is not None]
            if parameters:
                self._update(group, parameters)

    def _update(self, group: dict[str, Any], parameters: list[Tensor]) -> None:
        gradients: list[Tensor] = [p.grad for p in parameters]  # type: ignore[misc]
        means, squares = self._moments(parameters, "mean"), self._moments(parameters, "square")
        beta1, beta2 = group["betas"]
        torch._foreach_lerp_(means, gradients, 1 - beta1)
        torch._foreach_mul_(squares, beta2)
        torch._foreach_addcmul_(squares, gradients, gradients, 1 - beta2)
        scale = torch._foreach_sqrt(squares)
        torch._foreach_add_(scale, group["eps"])
        updates = torch._foreach_div(means, scale)
        if group["weight_decay"]:
            torch._foreach_add_(updates, parameters, alpha=group["weight_decay"])
        torch._foreach_add_(parameters, updates, alpha=-group["lr"])

    def _moments(self, parameters: list[Tensor], name: str) -> list[Tensor]:
        for parameter in parameters:
            if name not in self.state[parameter]:
                self.state[parameter][name] = torch.zeros_like(parameter)
        return [self.state[parameter][name] for parameter in parameters]
