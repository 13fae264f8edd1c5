"""Convolutions over a text and the maximum of each filter (Kim 2014, section 2).

As in Kim's code, both ends of a text are padded with zeros. Their number is the width of the widest filter minus one,
so windows on the borders contain a part of the text.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import pad, relu
from transformers import PreTrainedConfig

from jptransfer.config import HeadConfig
from jptransfer.models.encoder import Encoded
from jptransfer.models.heads.base import HeadOutput
from jptransfer.tasks.base import Level


class KimCnnHead(nn.Module):
    """Filters of several widths, their maxima over the text, dropout, and a linear layer with bounded weights."""

    level, reads_first = Level.sequence, False

    def __init__(self, config: HeadConfig, encoder: PreTrainedConfig, outputs: int) -> None:
        super().__init__()
        settings: Any = encoder
        size = config.kim_cnn
        self.border = max(size.widths) - 1
        self.filters = nn.ModuleList(nn.Conv1d(settings.hidden_size, size.filters, width) for width in size.widths)
        self.dropout = nn.Dropout(config.dropout)
        self.classifier = BoundedLinear(size.filters * len(size.widths), outputs, size.max_norm)

    def forward(self, encoded: Encoded) -> HeadOutput:
        """Return logits (batch, outputs)."""
        strongest = [_strongest(encoded, filters, self.border) for filters in self.filters]
        return HeadOutput(self.classifier(self.dropout(torch.cat(strongest, dim=1))))


class BoundedLinear(nn.Linear):
    """A linear layer whose weight rows are limited in norm after each update (`training.types.Constrained`).

    The limit applies to the weights of one output, as in section 3.1 of the paper; longer rows are scaled to it.
    """

    def __init__(self, inputs: int, outputs: int, max_norm: float) -> None:
        super().__init__(inputs, outputs)
        self.max_norm = max_norm

    @torch.no_grad()
    def constrain(self) -> None:
        """Scale rows whose norm exceeds the limit; 0 means no limit."""
        if self.max_norm:
            self.weight.copy_(torch.renorm(self.weight, 2, 0, self.max_norm))


def _strongest(encoded: Encoded, filters: Any, border: int) -> Tensor:
    """Return each filter's maximum (batch, filters) over the windows of a text with `border` zeros on both sides.

    Padding of shorter texts in a batch does not change the result.
    """
    states = (encoded.last * encoded.mask.unsqueeze(-1)).transpose(1, 2)
    answers = relu(filters(pad(states, (border, border))))
    windows = encoded.mask.sum(1, keepdim=True) + 2 * border - filters.kernel_size[0] + 1
    inside = torch.arange(answers.shape[2], device=answers.device) < windows
    return answers.masked_fill(~inside.unsqueeze(1), 0.0).amax(2)
