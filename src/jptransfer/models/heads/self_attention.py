"""Structured self-attention (Lin et al. 2017, section 2)."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from transformers import PreTrainedConfig

from jptransfer.config import HeadConfig
from jptransfer.models.encoder import Encoded
from jptransfer.models.heads.base import HeadOutput
from jptransfer.tasks.base import Level


class SelfAttentionHead(nn.Module):
    """Several weighted sums of a text's states, a hidden layer and outputs; a penalty keeps the sums different."""

    level, reads_first = Level.sequence, False

    def __init__(self, config: HeadConfig, encoder: PreTrainedConfig, outputs: int) -> None:
        super().__init__()
        settings: Any = encoder
        size = config.self_attention
        self.coefficient = size.penalty
        self.score = nn.Sequential(nn.Linear(settings.hidden_size, size.hidden, bias=False), nn.Tanh(),
                                   nn.Linear(size.hidden, size.hops, bias=False))
        self.dense = nn.Linear(size.hops * settings.hidden_size, size.dense)
        self.dropout = nn.Dropout(config.dropout)
        self.classifier = nn.Linear(size.dense, outputs)

    def forward(self, encoded: Encoded) -> HeadOutput:
        """Return logits (batch, outputs), and the penalty if it has a coefficient."""
        weights = self.attention(encoded)
        sums = (weights @ encoded.last).flatten(1)
        logits = self.classifier(self.dropout(torch.relu(self.dense(sums))))
        return HeadOutput(logits, self.coefficient * penalty(weights) if self.coefficient else None)

    def attention(self, encoded: Encoded) -> Tensor:
        """Return the weights A (batch, hops, length) of the states; each hop is a distribution over the tokens."""
        scores = self.score(encoded.last).transpose(1, 2)
        return scores.masked_fill(~encoded.mask.unsqueeze(1), -torch.inf).softmax(-1)


def penalty(weights: Tensor) -> Tensor:
    """Return the squared Frobenius norm of A A^T - I (section 2.2) of weights (batch, hops, length): (batch,)."""
    weights = weights.float()
    overlap = weights @ weights.transpose(1, 2)
    return (overlap - torch.eye(weights.shape[1], device=weights.device)).square().sum((1, 2))
