"""Cross-entropy over a large vocabulary without all logits in memory, or estimated from a sample."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from jptransfer.tasks.base import IGNORED

CHUNK = 1 << 23
"""Number of logits in memory at a time. More would not fit the CPU cache; fewer would read the weights more often."""


class _LinearCrossEntropy(torch.autograd.Function):
    """Sum of losses. Gradients are computed in the forward pass, together with the logits of a chunk of positions."""

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
    """Return the summed cross-entropy of a decoder's scores with `labels`; labels `IGNORED` are skipped.

    Equal to `cross_entropy` of the logits, but never stores all of them: for 32,000 tokens they would be the largest
    tensor in memory. Gradients are computed in the forward pass, so only one backward pass is possible.

    Args:
        states: (n, width) input of the decoder.
        labels: (n,) ids.
    """
    return _cross_entropy(states, decoder.weight, decoder.bias, labels)


def _cross_entropy(*parts: Tensor) -> Tensor:
    """Return the loss of states, weight, bias and labels, in the dtype of the current autocast context."""
    states, weight, bias, labels = parts
    kind = torch.get_autocast_dtype(states.device.type)
    if torch.is_autocast_enabled(states.device.type):
        states, weight, bias = states.to(kind), weight.to(kind), bias.to(kind)
    return _LinearCrossEntropy.apply(states, weight, bias, labels)  # type: ignore[no-any-return]


def sampled_cross_entropy(states: Tensor, decoder: torch.nn.Linear, labels: Tensor, samples: int) -> Tensor:
    """Estimate `linear_cross_entropy` from a sample of the vocabulary, whose ids must be ordered by falling frequency.

    The normaliser has all ids in `labels`, and of the others the sampled ones, each with exp(score) / (probability of
    being sampled), so that it is unbiased for any batch. Ids are sampled without replacement from a log-uniform
    distribution (as for sampled softmax, Jean et al. 2015), with torch's random state: the `samples` smallest of
    exponential times with those rates. Given the next smallest time, they are sampled independently (Duffield et al.
    2007).

    Args:
        states: (n, width) what the decoder reads.
        labels: (n,) ids; `IGNORED` ones are skipped.
        samples: number of ids to sample, at least 1. With the vocabulary size or more the result is exact.
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
    """Return the number of `labels` (n,) that get the highest score from a decoder on `states` (n, width)."""
    pairs = zip(states.split(_rows(decoder.weight)), labels.split(_rows(decoder.weight)), strict=True)
    return sum(((decoder(part).argmax(-1) == label).sum() for part, label in pairs),
               start=torch.zeros((), dtype=torch.int64, device=states.device))


def _rows(weight: Tensor) -> int:
    return max(1, CHUNK // len(weight))
