"""Cross-entropy of a large vocabulary without its logits in memory, or by a sample of it."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from jptransfer.tasks.base import IGNORED

CHUNK = 1 << 23
"""Logits that exist at a time: more would not fit in a cache, with fewer the weights are read more often."""


class _LinearCrossEntropy(torch.autograd.Function):
    """Sum of the losses; the gradients are made with the logits at hand, a chunk of positions at a time."""

    @staticmethod
    def forward(ctx: Any, states: Tensor, weight: Tensor, bias: Tensor, labels: Tensor) -> Tensor:
        wanted = ctx.needs_input_grad
        total = torch.zeros((), dtype=torch.float32, device=states.device)
        d_states = torch.empty_like(states) if wanted[0] else None
        d_weight = torch.zeros_like(weight) if wanted[1] else None
        d_bias = torch.zeros_like(bias) if wanted[2] else None
        for start in range(0, len(states), _rows(weight)):
            piece = slice(start, start + _rows(weight))
            scores, kept = F.linear(states[piece], weight, bias).float(), labels[piece] != IGNORED
            index = labels[piece].clamp_min(0).unsqueeze(1)
            torch.log_softmax(scores, 1, out=scores)
            total -= (scores.gather(1, index)[:, 0] * kept).sum()
            if not any(wanted):
                continue
            scores.exp_().scatter_add_(1, index, scores.new_full((), -1.0).expand_as(index))
            # Labels that do not count are taken out of the states, which are much smaller than the scores.
            slope, counted = scores.to(weight.dtype), kept.to(weight.dtype)
            if d_states is not None:
                torch.mm(slope, weight, out=d_states[piece])
                d_states[piece].mul_(counted.unsqueeze(1))
            if d_weight is not None:
                d_weight.addmm_(slope.t(), states[piece] * counted.unsqueeze(1))
            if d_bias is not None:
                d_bias.addmv_(slope.t(), counted)
        ctx.gradients = d_states, d_weight, d_bias
        return total

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:  # type: ignore[override]
        gradients, ctx.gradients = ctx.gradients, None
        return *(None if part is None else part.mul_(gradient.to(part.dtype)) for part in gradients), None


def linear_cross_entropy(states: Tensor, decoder: torch.nn.Linear, labels: Tensor) -> Tensor:
    """Return the summed cross-entropy of a decoder's scores with `labels`; labels `IGNORED` do not count.

    The same as `cross_entropy` of the logits, but these are never all there: for 32,000 units they would be the
    largest thing in memory. Gradients are computed at once, so this is for one backward pass.

    Args:
        states: (n, width) what the decoder reads.
        labels: (n,) ids.
    """
    return _cross_entropy(states, decoder.weight, decoder.bias, labels)


def _cross_entropy(*parts: Tensor) -> Tensor:
    """Return the loss of states, weight, bias and labels, in the number format of the moment."""
    states, weight, bias, labels = parts
    kind = torch.get_autocast_dtype(states.device.type)
    if torch.is_autocast_enabled(states.device.type):
        states, weight, bias = states.to(kind), weight.to(kind), bias.to(kind)
    return _LinearCrossEntropy.apply(states, weight, bias, labels)  # type: ignore[no-any-return]


def sampled_cross_entropy(states: Tensor, decoder: torch.nn.Linear, labels: Tensor, samples: int) -> Tensor:
    """Return an estimate of `linear_cross_entropy` by a sample of the vocabulary, whose ids go from frequent to rare.

    All ids in `labels` take part, and of the others those drawn, each with exp(score) / (chance of being drawn), so
    that the normaliser is right in expectation whatever the batch. Ids are drawn without replacement by a log-uniform
    law (as for sampled softmax, Jean et al. 2015), from torch's random state: the `samples` smallest of exponential
    times with those rates, whose chances, given the next smallest, are independent (Duffield et al. 2007).

    Args:
        states: (n, width) what the decoder reads.
        labels: (n,) ids; `IGNORED` ones do not count.
        samples: ids to draw, at least 1; as many as there are, or more: all take part, and nothing is estimated.
    """
    size = len(decoder.weight)
    if samples >= size:
        return linear_cross_entropy(states, decoder, labels)
    steps = torch.arange(1, size + 2, dtype=torch.float64, device=states.device).log()
    times = torch.empty(size, dtype=torch.float64, device=states.device).exponential_() * steps[-1] / steps.diff()
    limit, drawn = times.kthvalue(samples + 1).values, torch.zeros_like(times)
    drawn[times < limit] = 1.0
    chance = -torch.expm1(-steps.diff() / steps[-1] * limit)
    kept = labels != IGNORED
    drawn[labels[kept]], chance[labels[kept]] = 1.0, 1.0
    chosen = drawn.nonzero()[:, 0]
    place = (drawn.cumsum(0) - 1).long()[labels.clamp_min(0)].where(kept, IGNORED)
    bias = decoder.bias[chosen] - chance[chosen].log().to(decoder.bias.dtype)
    return _cross_entropy(states, decoder.weight[chosen], bias, place)


def count_right(states: Tensor, decoder: torch.nn.Linear, labels: Tensor) -> Tensor:
    """Return how many of `labels` (n,) have the highest score of a decoder that reads `states` (n, width)."""
    pairs = zip(states.split(_rows(decoder.weight)), labels.split(_rows(decoder.weight)), strict=True)
    return sum(((decoder(part).argmax(-1) == label).sum() for part, label in pairs),
               start=torch.zeros((), dtype=torch.int64, device=states.device))


def _rows(weight: Tensor) -> int:
    return max(1, CHUNK // len(weight))
