"""The temporal convolutional net on glyphs, bytes and embeddings of Zhang and LeCun (2017, arXiv:1708.02657).

Sizes are those of their code (repository zhangxiangxiao/glyph, ``config.lua`` of glyphnet, onehotnet and embednet). The
large net has five pairs of convolutions, 256 filters of width 3, with max pooling by 2 after each, so that 16 vectors
are left, then linear layers of 1,024 and of the classes, with dropout .5 between them. The small net has three pairs,
pooled by 3. OnehotNet has two pairs more, pooled by 2, before them.

One thing is different. There a short text is a long one whose end is zero, and biases fill that end with values; here
what is padding stays zero after every layer. So a text's logits do not depend on how far it was padded, and a batch
costs what its longest text does.
"""

from __future__ import annotations

from math import prod
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import max_pool1d, pad, relu
from transformers import PreTrainedConfig

from jptransfer.config import HeadConfig
from jptransfer.models.encoder import Encoded
from jptransfer.models.heads.base import HeadOutput
from jptransfer.tasks.base import Level


class TemporalCnnHead(nn.Module):
    """Pairs of convolutions with max pooling after each, a linear layer, dropout, and outputs.

    All weights, those of the last layer too, start from N(0, sqrt(2 / outputs)), where a convolution has filters times
    their width outputs; biases start at zero.

    Attributes:
        longest: tokens that it has weights for.
    """

    level, reads_first = Level.sequence, False

    def __init__(self, config: HeadConfig, encoder: PreTrainedConfig, outputs: int) -> None:
        super().__init__()
        settings: Any = encoder
        size = config.temporal_cnn
        self.pools, self.longest = list(size.pools), size.length
        widths = [settings.hidden_size] + [size.width] * (2 * len(size.pools))
        self.filters = nn.ModuleList(nn.Conv1d(before, after, size.kernel, padding=size.kernel // 2)
                                     for before, after in zip(widths, widths[1:], strict=False))
        self.left = size.length // prod(size.pools)
        self.hidden = nn.Linear(self.left * widths[-1], size.hidden)
        self.dropout = nn.Dropout(config.dropout)
        self.classifier = nn.Linear(size.hidden, outputs)
        for layer in (*self.filters, self.hidden, self.classifier):
            nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")
            nn.init.zeros_(layer.bias)

    def forward(self, encoded: Encoded) -> HeadOutput:
        """Return logits (batch, outputs)."""
        vectors = self.features(encoded)
        vectors = pad(vectors, (0, self.left - vectors.shape[2])).flatten(1)
        return HeadOutput(self.classifier(self.dropout(relu(self.hidden(vectors)))))

    def features(self, encoded: Encoded) -> Tensor:
        """Return what is left of the states after the last pooling, (batch, width, as many as the longest text has)."""
        lengths = encoded.mask.sum(1).clamp(max=self.longest)
        longest = -(-min(encoded.mask.shape[1], self.longest) // prod(self.pools)) * prod(self.pools)
        states = encoded.last.transpose(1, 2)
        states = _present(pad(states, (0, longest - states.shape[2])), lengths)
        for number, pool in enumerate(self.pools):
            for filters in self.filters[2 * number:2 * number + 2]:
                states = _present(relu(filters(states)), lengths)
            states, lengths = max_pool1d(states, pool), -(-lengths // pool)
        return states


def _present(states: Tensor, lengths: Tensor) -> Tensor:
    """Return states (batch, width, length) with zeros after each text's end."""
    inside = torch.arange(states.shape[2], device=states.device) < lengths.unsqueeze(1)
    return states * inside.unsqueeze(1).to(states.dtype)
