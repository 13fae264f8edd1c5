"""One linear layer on a text's vector."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from transformers import PreTrainedConfig

from jptransfer.config import HeadConfig
from jptransfer.config.features import Pooling
from jptransfer.models.encoder import Encoded
from jptransfer.models.heads.base import HeadOutput
from jptransfer.tasks.base import Level


class PooledHead(nn.Module):
    """Dropout and one linear layer on a text's vector: the top layer's states, pooled."""

    level = Level.sequence

    def __init__(self, config: HeadConfig, encoder: PreTrainedConfig, outputs: int) -> None:
        super().__init__()
        self.pooling = config.pooled.pooling
        self.reads_first = self.pooling is Pooling.first
        self.dropout = nn.Dropout(config.dropout)
        settings: Any = encoder
        self.classifier = nn.Linear(settings.hidden_size * (3 if self.pooling is Pooling.concat else 1), outputs)
        nn.init.normal_(self.classifier.weight, std=getattr(settings, "initializer_range", 0.02))
        nn.init.zeros_(self.classifier.bias)

    def forward(self, encoded: Encoded) -> HeadOutput:
        """Return logits (batch, outputs)."""
        return HeadOutput(self.classifier(self.dropout(pool(encoded, self.pooling))))


def pool(encoded: Encoded, pooling: Pooling) -> Tensor:
    """Return one vector per text from the top layer's states without padding: (batch, width), `concat` 3 * width."""
    states, mask = encoded.last, encoded.mask
    if pooling is Pooling.first or (pooling is Pooling.last and encoded.backward):
        return states[:, 0]
    if pooling is Pooling.last:
        return states[torch.arange(len(states), device=states.device), mask.sum(1) - 1]
    if pooling is Pooling.mean:
        weights = mask.unsqueeze(-1).to(states.dtype)
        return (states * weights).sum(1) / weights.sum(1)
    if pooling is Pooling.max:
        return states.masked_fill(~mask.unsqueeze(-1), -torch.inf).amax(1)
    return torch.cat([pool(encoded, part) for part in (Pooling.last, Pooling.max, Pooling.mean)], dim=-1)
