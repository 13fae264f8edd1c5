"""A linear-chain conditional random field over the units of a text (Lafferty et al. 2001), batched.

The score of tags y of units 1..n is starts[y1] + sum emissions[t, yt] + sum transitions[y(t-1), yt] + ends[yn]. Its
probability is its exponential divided by the sum over all sequences. Sums over previous tags are matrix products of
exponentials, shifted by their maxima for numerical stability, so that hundreds of tags stay cheap.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from jptransfer.tasks.base import IGNORED

FORBIDDEN = -1e4
"""Score of forbidden tags and transitions; finite, because gradients of infinite scores are undefined."""


@dataclass(frozen=True)
class TagChain:
    """Scores of the tags of a batch of texts.

    Attributes:
        emissions: (batch, units, tags) scores of each unit's tags.
        mask: (batch, units) bool, True at units, which come before padding.
        transitions: (tags, tags) scores from a tag (row) to the next one (column).
        starts, ends: (tags,) scores of the first and the last unit's tag.
    """

    emissions: Tensor
    mask: Tensor
    transitions: Tensor
    starts: Tensor
    ends: Tensor

    def log_partition(self) -> Tensor:
        """Return the logarithm of the sum over all tag sequences (batch,); zero for texts without units."""
        *_, last = self._forward()
        return torch.logsumexp(last + self.ends, -1) * self.mask[:, 0]

    def log_likelihood(self, labels: Tensor) -> Tensor:
        """Return the log-probability (batch,) of `labels` (batch, units); `IGNORED` stands for any tag."""
        known = (labels != IGNORED).unsqueeze(-1)
        tags = torch.arange(self.emissions.shape[-1], device=labels.device)
        others = known & (labels.unsqueeze(-1) != tags)
        allowed = replace(self, emissions=self.emissions.masked_fill(others, FORBIDDEN))
        return allowed.log_partition() - self.log_partition()

    def log_marginals(self) -> Tensor:
        """Return the log-probability of each tag of each unit (batch, units, tags), by the forward-backward algorithm.
        """
        ahead = torch.stack(list(self._forward()), 1)
        back = torch.stack(list(self._backward())[::-1], 1)
        return torch.log_softmax(ahead + back, -1)

    def best(self) -> Tensor:
        """Return the most probable tag sequence (batch, units), by Viterbi's algorithm; zeros at padding.

        The forward pass only stores the best scores; the backward pass looks up the predecessor of the chosen tag.
        The batch is the last axis, so that maxima over tags are taken over contiguous rows.
        """
        steps = self.emissions.permute(1, 2, 0).contiguous().unbind()
        whole, present = self.mask.all(0).tolist(), self.mask.unbind(1)
        pairs = self.transitions.unsqueeze(-1)
        scores = [self.starts.unsqueeze(-1) + steps[0]]
        for step, full, there in zip(steps[1:], whole[1:], present[1:], strict=True):
            reached = (scores[-1].unsqueeze(1) + pairs).amax(0) + step
            scores.append(reached if full else torch.where(there, reached, scores[-1]))
        tag = (scores[-1] + self.ends.unsqueeze(-1)).argmax(0)
        path = [tag]
        for before, full, there in zip(scores[-2::-1], whole[:0:-1], present[:0:-1], strict=True):
            origin = (before + self.transitions.index_select(1, tag)).max(0).indices  # quicker than argmax
            tag = origin if full else torch.where(there, origin, tag)
            path.append(tag)
        return torch.stack(path[::-1], 1).masked_fill(~self.mask, 0)

    def _forward(self) -> Iterator[Tensor]:
        """Yield for each unit the log of the sum over all previous tags (batch, tags), its own emission included."""
        steps, present = self.emissions.unbind(1), self.mask.unbind(1)
        before = self.starts + steps[0]
        yield before
        onward = _Sums(self.transitions)
        for step, there in zip(steps[1:], present[1:], strict=True):
            before = torch.where(there.unsqueeze(-1), onward(before) + step, before)
            yield before

    def _backward(self) -> Iterator[Tensor]:
        """Yield from the last unit to the first the log of the sum over all later tags (batch, tags)."""
        steps, present = self.emissions.unbind(1), self.mask.unbind(1)
        after = self.ends.expand_as(steps[0])
        yield after
        onward = _Sums(self.transitions.T)
        for step, there in zip(reversed(steps[1:]), reversed(present[1:]), strict=True):
            after = torch.where(there.unsqueeze(-1), onward(after + step), after)
            yield after


class _Sums:
    """Log of the sum over tags of exp(scores + transitions to the next tag)."""

    def __init__(self, transitions: Tensor) -> None:
        self._most = transitions.detach().max()
        self._weights = (transitions - self._most).exp()

    def __call__(self, scores: Tensor) -> Tensor:
        most = scores.detach().amax(-1, keepdim=True)
        sums = (scores - most).exp() @ self._weights
        return sums.clamp_min(torch.finfo(sums.dtype).tiny).log() + most + self._most
