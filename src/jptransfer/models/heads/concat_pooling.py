"""ULMFiT's classifier: last, maximum and mean state, then two layers (Howard and Ruder 2018, section 3.3)."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn
from torch.nn.functional import batch_norm
from transformers import PreTrainedConfig

from jptransfer.config import HeadConfig
from jptransfer.config.features import Pooling
from jptransfer.models.encoder import Encoded
from jptransfer.models.heads.base import HeadOutput
from jptransfer.models.heads.pooled import pool
from jptransfer.tasks.base import Level


class ConcatPoolingHead(nn.Module):
    """[last, max, mean] of the top layer's states, then twice: batch normalisation, dropout, a linear layer."""

    level, reads_first = Level.sequence, False

    def __init__(self, config: HeadConfig, encoder: PreTrainedConfig, outputs: int) -> None:
        super().__init__()
        settings: Any = encoder
        own = config.concat_pooling
        pooled = 3 * settings.hidden_size
        self.hidden = nn.Sequential(BatchNorm(pooled), nn.Dropout(own.input_dropout), nn.Linear(pooled, own.width))
        self.activation = nn.ReLU()
        self.output = nn.Sequential(BatchNorm(own.width), nn.Dropout(config.dropout), nn.Linear(own.width, outputs))

    def forward(self, encoded: Encoded) -> HeadOutput:
        """Return logits (batch, outputs); in training they depend on the whole batch through batch normalisation."""
        vectors = pool(encoded, Pooling.concat)
        return HeadOutput(self.output(self.activation(self.hidden(vectors))))


class BatchNorm(nn.BatchNorm1d):
    """Batch normalisation that uses the running statistics for a training batch of one example."""

    def forward(self, input: Tensor) -> Tensor:
        """Normalise (batch, width)."""
        if len(input) > 1:
            return super().forward(input)
        return batch_norm(input, self.running_mean, self.running_var, self.weight, self.bias, eps=self.eps)
