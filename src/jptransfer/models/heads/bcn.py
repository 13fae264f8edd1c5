"""The biattentive classification network for single texts (McCann et al. 2017, section 5; Peters et al. 2018)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from transformers import PreTrainedConfig

from jptransfer.config import HeadConfig
from jptransfer.models.encoder import Encoded
from jptransfer.models.encoders.embedding import BOUND, VectorTable
from jptransfer.models.encoders.embedding_settings import Vectors
from jptransfer.models.encoders.recurrent import RecurrentLayer
from jptransfer.models.heads.base import HeadOutput
from jptransfer.tasks.base import Level
from jptransfer.text.types import Tokenizer


class BcnHead(nn.Module):
    """States (and word vectors) -> feed-forward layer -> BiLSTM x -> self-attention a of x -> BiLSTM over
    [x; x - a; x * a] -> [max; min; mean; self-attentive sum] -> maxout layers.

    Special tokens around a text are not read, as AllenNLP removes ELMo's sentence boundaries before its BCN.
    """

    level, reads_first = Level.sequence, False

    def __init__(self, config: HeadConfig, encoder: PreTrainedConfig, outputs: int) -> None:
        super().__init__()
        settings: Any = encoder
        self.size = size = config.bcn
        self.table = _table(settings, size.vector_width) if size.vectors else None
        width = settings.hidden_size + (size.vector_width if self.table else 0)
        self.feedforward = nn.Sequential(nn.Dropout(size.input_dropout), nn.Linear(width, size.hidden), nn.ReLU(),
                                         nn.Dropout(size.feedforward_dropout))
        self.reader = RecurrentLayer(nn.LSTM, size.hidden, size.hidden, bidirectional=True)
        self.integrator = RecurrentLayer(nn.LSTM, 6 * size.hidden, size.hidden, bidirectional=True)
        self.score = nn.Linear(2 * size.hidden, 1)
        self.dropout = nn.Dropout(config.dropout)
        self.classifier = Maxout(8 * size.hidden, [*size.maxout, outputs], size.pool, [*size.maxout_dropouts, 0.0])

    def start_from(self, tokenizer: Tokenizer) -> dict[str, Any]:
        """Load the file of word vectors, if there is one; return how much of the vocabulary it covers."""
        setting = "finetuning.encoder.head.bcn.vector_width"
        return {"head_vectors": self.table.fill(Path(self.size.vectors), tokenizer, setting)} if self.table else {}

    def forward(self, encoded: Encoded) -> HeadOutput:
        """Return logits (batch, outputs)."""
        encoded = encoded.without_special()
        states, mask = encoded.last, encoded.mask
        if self.table:
            states = torch.cat((self.table(encoded.ids), states), -1)
        read = self.reader(self.feedforward(states), mask)
        attended = biattention(read, mask)
        joined = self.integrator(torch.cat((read, read - attended, read * attended), -1), mask)
        return HeadOutput(self.classifier(self.dropout(self._pooled(joined, mask))))

    def _pooled(self, states: Tensor, mask: Tensor) -> Tensor:
        """Return [max; min; mean; self-attentive sum] of states (batch, length, width): (batch, 4 * width)."""
        outside = ~mask.unsqueeze(-1)
        weights = self.score(states).masked_fill(outside, -torch.inf).softmax(1)
        inside = states.masked_fill(outside, 0.0)
        return torch.cat((
            states.masked_fill(outside, -torch.inf).amax(1), states.masked_fill(outside, torch.inf).amin(1),
            inside.sum(1) / mask.sum(1, keepdim=True), (weights * inside).sum(1)), -1)


class Maxout(nn.Module):
    """Layers whose outputs are the maximum of several linear functions (Goodfellow et al. 2013), each with dropout.
    """

    def __init__(self, inputs: int, widths: Sequence[int], pool: int, dropouts: Sequence[float]) -> None:
        super().__init__()
        self.layers = nn.ModuleList(
            nn.Linear(before, width * pool) for before, width in zip([inputs, *widths], widths, strict=False))
        self.dropouts = nn.ModuleList(map(nn.Dropout, dropouts))
        self.pool = pool

    def forward(self, inputs: Tensor) -> Tensor:
        """Map (batch, inputs) to (batch, last width)."""
        for layer, dropout in zip(self.layers, self.dropouts, strict=True):
            inputs = dropout(layer(inputs).unflatten(-1, (-1, self.pool)).amax(-1))
        return inputs


def biattention(states: Tensor, mask: Tensor) -> Tensor:
    """Return for each state (batch, length, width) the mean of the text's states, weighted by softmax of dot products.

    `mask` is (batch, length) bool, False at padding; the values returned at padding are undefined.
    """
    scores = (states @ states.transpose(1, 2)).masked_fill(~mask.unsqueeze(1), -torch.inf)
    return scores.softmax(-1) @ states


def _table(encoder: Any, width: int) -> VectorTable:
    """Return frozen random vectors of the tokens (or words) that an encoder's states belong to."""
    units = getattr(encoder, "first_character", encoder.vocab_size)
    table = VectorTable(units, width, encoder.pad_token_id, Vectors.static)
    assert table.frozen is not None
    nn.init.uniform_(table.frozen, -BOUND, BOUND)
    return table
