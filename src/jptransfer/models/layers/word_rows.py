"""Recover words and their characters from the flat ids of a tokenizer of kind views."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import torch
from torch import Tensor
from transformers import PreTrainedConfig
from transformers.modeling_outputs import BaseModelOutput

from jptransfer.errors import ConfigError
from jptransfer.text.types import SPECIAL_TOKENS, Tokenizer

UNKNOWN_WORD = 1
"""Id of the unknown word, the only special token that is a word; the same in all tokenizers of kind views."""
BEGIN, END = SPECIAL_TOKENS.index("[CLS]"), SPECIAL_TOKENS.index("[SEP]")
"""Ids of the special tokens around a text."""
NOTHING = -1
"""Padding of a word's row of characters."""


@dataclass(frozen=True)
class WordRows:
    """The words of a batch.

    Attributes:
        words: (batch, words) ids; padding is zero.
        characters: (batch, words, characters) character indices from 0; `NOTHING` at padding.
        mask: (batch, words) bool, True at words.
        places: (batch, words) indices of the words in the flattened (batch x length) ids.
    """

    words: Tensor
    characters: Tensor
    mask: Tensor
    places: Tensor


@dataclass
class WordsOutput(BaseModelOutput):
    """Output of an encoder with a state per word, (batch, words, width); see `WordRows` for the other fields."""

    words: Tensor | None = None
    word_mask: Tensor | None = None
    places: Tensor | None = None


def word_rows(ids: Tensor, mask: Tensor, first_character: int, marks: bool = False) -> WordRows:
    """Find the words in `ids` (batch, length) where `mask` is true; with `marks`, [CLS] and [SEP] are words, too.

    The result has at least one word and one character, so that networks never get empty inputs.
    """
    rows, length = ids.shape
    words_have = (ids >= len(SPECIAL_TOKENS)) | (ids == UNKNOWN_WORD)
    if marks:
        words_have |= (ids == BEGIN) | (ids == END)
    starts = mask.bool() & (ids < first_character) & words_have
    number = starts.cumsum(1) - 1
    positions = torch.arange(length, device=ids.device).expand(rows, -1)
    rank = positions - torch.where(starts, positions, 0).cummax(1).values - 1
    spelled = mask.bool() & (ids >= first_character) & (number >= 0)
    most = max(1, int(number.max()) + 1) if ids.numel() else 1
    longest = max(1, int(torch.where(spelled, rank, 0).max()) + 1) if ids.numel() else 1
    slot = number + most * torch.arange(rows, device=ids.device).unsqueeze(1)
    words, places = (ids.new_zeros(rows * most) for _ in range(2))
    words[slot[starts]] = ids[starts]
    places[slot[starts]] = (positions + length * torch.arange(rows, device=ids.device).unsqueeze(1))[starts]
    characters = ids.new_full((rows * most, longest), NOTHING)
    characters[slot[spelled], rank[spelled]] = ids[spelled] - first_character
    found = torch.arange(most, device=ids.device) < starts.sum(1, keepdim=True)
    return WordRows(words.view(rows, most), characters.view(rows, most, longest), found, places.view(rows, most))


def at_places(states: Tensor, places: Tensor, mask: Tensor, length: int) -> Tensor:
    """Return states (batch, words, width) at the positions of their words, (batch, length, width), zeros elsewhere."""
    flat = states.new_zeros(len(states) * length, states.shape[-1])
    return flat.index_copy_(0, places[mask], states[mask]).view(len(states), length, -1)


def distinct(rows: Tensor) -> tuple[Tensor, Tensor]:
    """Return the distinct rows of `rows` (n, length), in any order, and for each of the n rows its index among them.

    Rows are compared by a hash (a sum of products modulo 2 ** 64), because sorting hashes is much faster than sorting
    rows. If two different rows have the same hash, the rows themselves are sorted.
    """
    keys = (rows * _factors(rows.shape[1]).to(rows.device)).sum(1)
    values, number = keys.unique(return_inverse=True)
    places = torch.arange(len(rows), device=rows.device)
    first = places.new_full((len(values),), len(rows)).scatter_reduce(0, number, places, "amin")
    found = rows[first]
    if torch.equal(found[number], rows):
        return found, number
    return torch.unique(rows, dim=0, return_inverse=True)  # type: ignore[no-any-return]


@cache
def _factors(length: int) -> Tensor:
    return torch.tensor([pow(0x9E3779B97F4A7C15, power + 1, 1 << 64) - (1 << 63) for power in range(length)])


def set_char_vocab(config: PreTrainedConfig, tokenizer: Tokenizer) -> PreTrainedConfig:
    """Set the first character id in the configuration of an encoder that reads words by their characters.

    Raises:
        ConfigError: the tokenizer has no characters in addition to its words.
    """
    settings: Any = config
    if hasattr(settings, "first_character"):
        first = getattr(tokenizer, "first_character", None)
        if first is None:
            raise ConfigError(f"model.architecture={settings.model_type.removeprefix('jpt_')} reads words and their "
                              "characters; take tokenizer=views_bigrams or another of kind views")
        settings.first_character = first
    return config
