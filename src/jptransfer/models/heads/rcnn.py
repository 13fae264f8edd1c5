"""The recurrent convolutional network: each token with its left and right context (Lai et al. 2015, section 3)."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import pad
from transformers import PreTrainedConfig

from jptransfer.config import HeadConfig
from jptransfer.errors import ConfigError
from jptransfer.models.encoder import Encoded
from jptransfer.models.heads.base import HeadOutput
from jptransfer.tasks.base import Level


class RcnnHead(nn.Module):
    """[left context; vector; right context] of each token -> tanh layer -> maximum over the text -> outputs.

    The contexts of a token are states of a bidirectional recurrent net: the forward state of the token before it, and
    the backward state of the token after it (equations 1 and 2; a context excludes the token itself). At the ends of a
    text they are zero.
    """

    level, reads_first = Level.sequence, False

    def __init__(self, config: HeadConfig, encoder: PreTrainedConfig, outputs: int) -> None:
        super().__init__()
        settings: Any = encoder
        if not getattr(settings, "bidirectional", False):
            raise ConfigError("finetuning.encoder.head.name=rcnn reads the states of a recurrent net of both "
                              "directions: model.architecture rnn or lstm, and bidirectional=true in its section")
        width = settings.embedding_size + settings.hidden_size
        self.meaning = nn.Linear(width, config.rcnn.hidden)
        self.dropout = nn.Dropout(config.dropout)
        self.classifier = nn.Linear(config.rcnn.hidden, outputs)

    def forward(self, encoded: Encoded) -> HeadOutput:
        """Return logits (batch, outputs)."""
        left, right = contexts(encoded.last)
        meanings = torch.tanh(self.meaning(torch.cat((left, encoded.states[0], right), dim=-1)))
        strongest = meanings.masked_fill(~encoded.mask.unsqueeze(-1), -torch.inf).amax(1)
        return HeadOutput(self.classifier(self.dropout(strongest)))


def contexts(states: Tensor) -> tuple[Tensor, Tensor]:
    """Return left and right contexts (batch, length, hidden) from states (batch, length, 2 * hidden).

    States of padding must be zero; the right context of a text's last token is then zero, too.
    """
    ahead, back = states.chunk(2, dim=-1)
    return pad(ahead[:, :-1], (0, 0, 1, 0)), pad(back[:, 1:], (0, 0, 0, 1))
