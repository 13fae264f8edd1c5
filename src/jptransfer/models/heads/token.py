"""One linear layer on every state: the tagger's head."""

from __future__ import annotations

from typing import Any

from torch import nn
from transformers import PreTrainedConfig

from jptransfer.config import HeadConfig
from jptransfer.models.encoder import Encoded
from jptransfer.models.heads.base import HeadOutput
from jptransfer.tasks.base import Level


class TokenHead(nn.Module):
    """Dropout and one linear layer on each of the top layer's states."""

    level, reads_first = Level.token, False

    def __init__(self, config: HeadConfig, encoder: PreTrainedConfig, outputs: int) -> None:
        super().__init__()
        settings: Any = encoder
        self.dropout = nn.Dropout(config.dropout)
        self.classifier = nn.Linear(settings.hidden_size, outputs)
        nn.init.normal_(self.classifier.weight, std=getattr(settings, "initializer_range", 0.02))
        nn.init.zeros_(self.classifier.bias)

    def forward(self, encoded: Encoded) -> HeadOutput:
        """Return logits (batch, length, outputs)."""
        return HeadOutput(self.classifier(self.dropout(encoded.last)))
