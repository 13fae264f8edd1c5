"""The tagger of Johnson et al. (2019), section 2: a BiLSTM over words, which are read by characters and as a whole.

The characters of a word -> vectors -> BiLSTM; its last states of both directions are concatenated with the word's
vector -> dropout -> BiLSTM over the words. A linear layer on each word's states (head `token` or `crf`) scores tags.
"""

from __future__ import annotations

from itertools import chain
from typing import Any

import torch
from torch import Tensor, nn
from transformers import AutoConfig, AutoModel, PreTrainedConfig
from transformers.modeling_outputs import BaseModelOutput

from jptransfer.config import ModelConfig
from jptransfer.models.encoders.embedding import VectorModel, VectorTable, masked
from jptransfer.models.encoders.embedding_settings import Vectors
from jptransfer.models.encoders.recurrent import RecurrentLayer
from jptransfer.models.layers.batching import CPU_PADDING, sorted_batches
from jptransfer.models.layers.word_rows import NOTHING, WordRows, at_places, distinct, word_rows


class BilstmTaggerConfig(PreTrainedConfig):
    """Widths of vectors and of one direction's states; `hidden_size` is the width of word states of both directions."""

    model_type = "jpt_bilstm_tagger"

    def __init__(self, vocab_size: int = 8, first_character: int = 6, char_width: int = 50, char_hidden: int = 100,
                 word_width: int = 50, hidden_size: int = 600, dropout: float = 0.5, mode: str = "rand",
                 pad_token_id: int = 0, initial: str = "uniform", **settings: Any) -> None:
        self.vocab_size, self.first_character = vocab_size, first_character
        self.char_width, self.char_hidden, self.word_width = char_width, char_hidden, word_width
        self.hidden_size, self.dropout, self.mode, self.initial = hidden_size, dropout, mode, initial
        super().__init__(pad_token_id=pad_token_id, **settings)


class CharacterReader(nn.Module):
    """A word's vector from its characters: the last states of a BiLSTM's two directions."""

    def __init__(self, units: int, width: int, hidden: int) -> None:
        super().__init__()
        self.table = VectorTable(units, width, None, Vectors.rand)
        self.layer = RecurrentLayer(nn.LSTM, width, hidden, bidirectional=True)

    def forward(self, characters: Tensor) -> Tensor:
        """Return vectors (batch, words, 2 * hidden) of words (batch, words, characters).

        Each distinct spelling is read once. The vector of a word without characters is zero.
        """
        spellings, which = distinct(characters.flatten(0, 1))
        lengths = (spellings != NOTHING).sum(1)
        parts = list(sorted_batches(lengths.tolist(), len(lengths), CPU_PADDING))
        read = [self._read(spellings[rows], lengths[rows]) for rows in parts]
        order = torch.tensor(list(chain.from_iterable(parts)), device=which.device)
        return torch.cat(read)[order.argsort()][which].view(*characters.shape[:2], -1)

    def _read(self, spellings: Tensor, lengths: Tensor) -> Tensor:
        longest = max(1, int(lengths[0]))
        mask = spellings[:, :longest] != NOTHING
        states = self.layer(self.table(spellings[:, :longest].clamp_min(0)), mask)
        ahead, back = states.chunk(2, dim=-1)
        last = (lengths - 1).clamp_min(0)
        rows = torch.arange(len(last), device=last.device)
        return masked(torch.cat((ahead[rows, last], back[:, 0]), dim=-1), lengths > 0)


class BilstmTagger(VectorModel):
    """The encoder of the tagger. Its layer groups are `char` and `word`, as in section 3.3 of the paper."""

    config_class = BilstmTaggerConfig
    reads_special = True  # `word_rows` finds the words among the ids and drops special tokens
    cpu_padding = 4096
    """Positions of padding that cost a CPU as much as one more batch: padding is not read, only written."""

    def __init__(self, config: BilstmTaggerConfig) -> None:
        super().__init__(config)
        units = max(1, config.vocab_size - config.first_character)
        self.characters = CharacterReader(units, config.char_width, config.char_hidden)
        self.table = VectorTable(config.first_character, config.word_width, config.pad_token_id, Vectors(config.mode),
                                 config.initial)
        self.dropout = nn.Dropout(config.dropout)
        width = 2 * config.char_hidden + config.word_width
        self.layer = RecurrentLayer(nn.LSTM, width, config.hidden_size // 2, bidirectional=True)
        self.post_init()

    def forward(self, input_ids: Tensor, attention_mask: Tensor | None = None, **_: Any) -> BaseModelOutput:
        """Return the words' states at the words' positions, (batch, length, hidden_size), and zeros elsewhere."""
        mask = torch.ones_like(input_ids) if attention_mask is None else attention_mask
        rows = word_rows(input_ids, mask, self.config.first_character)
        words, which = self._different(rows)
        if self.training:
            states = self.layer(self.dropout(masked(words[which], rows.mask)), rows.mask)
            placed = at_places(states, rows.places, rows.mask, input_ids.shape[1])
        else:
            placed = self.layer.at_places(words, rows.mask, which, rows.places, input_ids.shape[1])
        return BaseModelOutput(last_hidden_state=placed, hidden_states=(placed,))

    def _different(self, rows: WordRows) -> tuple[Tensor, Tensor]:
        """Return the vectors (n, width) of the distinct words, and each position's index among them (batch, words)."""
        spelled = torch.cat((rows.words.unsqueeze(-1), rows.characters), dim=-1).flatten(0, 1)
        words, which = distinct(spelled)
        vectors = torch.cat((self.characters(words[:, None, 1:])[:, 0], self.table(words[:, 0])), dim=-1)
        return vectors, which.view(rows.words.shape)

    def parameter_group(self, name: str) -> str:
        """Return the layer group of a parameter: ``char`` or ``word``."""
        return "char" if name.startswith("characters.") else "word"

    def unit_rows(self, name: str) -> range | None:
        """Return the token ids of the rows of a parameter or buffer, in order; None if its rows are not tokens."""
        part, *_, last = name.split(".")
        if last not in ("learning", "frozen"):
            return None
        first = self.config.first_character
        return range(first, self.config.vocab_size) if part == "characters" else range(first)


def configuration(config: ModelConfig, vocab_size: int, pad_id: int) -> BilstmTaggerConfig:
    """Return the configuration of a `BilstmTagger`; `set_char_vocab` sets the first character id later."""
    size = config.bilstm_tagger
    return BilstmTaggerConfig(
        vocab_size, vocab_size - 1, size.char_width, size.char_hidden, size.width, 2 * size.hidden, size.dropout,
        size.mode.value, pad_id, size.initial.value)


AutoConfig.register(BilstmTaggerConfig.model_type, BilstmTaggerConfig)
AutoModel.register(BilstmTaggerConfig, BilstmTagger)
