"""A head: the mean and the maximum of the states through a layer of its own width."""

from dataclasses import dataclass

import torch
from torch import nn

from jptransfer.config.fields import setting
from jptransfer.models.heads.base import HeadOutput
from jptransfer.registry import HEADS
from jptransfer.tasks.base import Level


@HEADS.register("mean_max", target="MeanMaxHead", level="sequence")
@dataclass
class MeanMaxHeadConfig:
    """Mean and maximum of the states, then two layers."""

    width: int = setting(16, low=1)
    """width of the layer before the outputs"""


class MeanMaxHead(nn.Module):
    """Logits of the mean and the maximum of a text's states."""

    level, reads_first = Level.sequence, False

    def __init__(self, config, encoder, outputs):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(2 * encoder.hidden_size, config.mean_max.width), nn.ReLU(),
                                    nn.Dropout(config.dropout), nn.Linear(config.mean_max.width, outputs))

    def forward(self, encoded):
        """Return logits (batch, outputs)."""
        mask = encoded.mask.unsqueeze(-1)
        mean = (encoded.last * mask).sum(1) / mask.sum(1)
        return HeadOutput(self.layers(torch.cat([mean, encoded.last.masked_fill(~mask, -torch.inf).amax(1)], -1)))
