"""The temporal convolutional network of Zhang and LeCun (2017, arXiv:1708.02657) on glyphs, bytes and embeddings.

Sizes follow their code (repository zhangxiangxiao/glyph, ``config.lua`` of glyphnet, onehotnet and embednet). The
large network has five pairs of convolutions with 256 filters of width 3, and max pooling by 2 after each pair. This
leaves 16 vectors for a linear layer of 1,024 outputs, dropout .5, and the output layer. The small network has three
pairs, pooled by 3. OnehotNet has two further pairs, pooled by 2, before these.

There is one difference. In their code the zeros after a short text become non-zero through the biases; here padding is
set to zero after every layer. A text's logits then do not depend on the amount of padding, and the cost of a batch
depends on its longest text only.
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

    All weights, including the last layer's, are drawn from N(0, sqrt(2 / outputs)); for a convolution `outputs` is
    filters times width. Biases start at zero.

    Attributes:
        longest: maximum number of tokens that the head reads.
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
        """Return the states after the last pooling, (batch, width, positions left of the longest text)."""
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
