"""Vocabulary alignment: tokens that two vocabularies share, and migration of embeddings from one to the other.

A language model adapted to a domain can get the domain's own vocabulary (as in the code of Howard and Ruder 2018). A
token of both vocabularies keeps its embedding, decoder row and decoder bias. Other tokens start from the mean of all
rows or from a random initialisation.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from jptransfer.config import NewTokenInit
from jptransfer.errors import ConfigError
from jptransfer.text.types import Tokenizer

BLOCK = 1 << 22
"""Token ids read at a time."""
_ROLES = ("pad_id", "unk_id", "cls_id", "sep_id", "mask_id")


@dataclass(frozen=True)
class Alignment:
    """Position of each token of a new vocabulary in an old one.

    Attributes:
        source: (new vocabulary,) int64 ids in the old vocabulary, -1 for tokens that it lacks.
        old_units: size of the old vocabulary.
    """

    source: np.ndarray
    old_units: int

    @property
    def shared(self) -> np.ndarray:
        """(new vocabulary,) bool, whether the old vocabulary has the token."""
        return self.source >= 0

    def covered(self, ids: np.ndarray, units: int | None = None) -> float:
        """Return the share of `ids` (tokens,) that the old vocabulary has; reads them in blocks.

        With `units`, only ids below it count (words without the characters that follow them in kind views).
        """
        found = total = 0
        for start in range(0, len(ids), BLOCK):
            block = ids[start:start + BLOCK]
            block = block if units is None else block[block < units]
            found, total = found + int(self.shared[block].sum()), total + len(block)
        return found / max(1, total)

    def describe(self, ids: np.ndarray, units: int | None = None) -> dict[str, float]:
        """Return the numbers of units, shared and missing ones, and `tokens_covered` (see `covered`)."""
        counted = self.shared[:units]
        shared = int(counted.sum())
        return {"units": len(counted), "shared": shared, "missing": len(counted) - shared,
                "tokens_covered": self.covered(ids, units)}


def align(old: Tokenizer, new: Tokenizer) -> Alignment:
    """Find the tokens of `new` in `old` by their text, and special tokens by their role."""
    source = np.full(new.vocab_size, -1, dtype=np.int64)
    for index in range(new.vocab_size):
        found = old.id(token := new.token(index))
        if found != old.unk_id or token == old.token(old.unk_id):
            source[index] = found
    before, after = special_ids(old), special_ids(new)
    for role in before.keys() & after.keys():
        source[after[role]] = before[role]
    return Alignment(source, old.vocab_size)


def special_ids(tokenizer: Tokenizer) -> dict[str, int]:
    """Return role (``pad_id``, ...) -> id of the special tokens."""
    found = {}
    for role in _ROLES:
        try:
            found[role] = getattr(tokenizer, role)
        except ConfigError:  # a tokenizer made elsewhere may lack a mask
            continue
    return found


def convert(model: Any, alignment: Alignment, missing: NewTokenInit, pad_id: int) -> Any:
    """Return a copy of `model` with the new vocabulary of `alignment`.

    Every weight that grows with the vocabulary is converted: embeddings, the decoder (tied or not) and its bias. If
    only the first tokens have a row (words, without their characters), those rows are converted.

    Args:
        model: a language model of transformers or of this project.
        alignment: from the model's vocabulary to the new one.
        missing: initial values of tokens that the old vocabulary lacks: the mean of the old rows, or the model's own
            random initialisation, drawn from torch's current random state.
        pad_id: padding id in the new vocabulary.

    Raises:
        ConfigError: the model reads words by characters, and the two vocabularies have different characters.
    """
    check_characters("vocabulary=migrate", model.config, alignment)
    converted = type(model)(resized(model.config, len(alignment.source), pad_id))
    by_unit = grown(model, lambda: type(model)(resized(model.config, model.config.vocab_size + 1)))
    source = torch.from_numpy(alignment.source)
    old = model.state_dict()
    with torch.no_grad():
        for name, value in converted.state_dict().items():
            if name not in by_unit:
                value.copy_(old[name])
                continue
            shared = source[:len(value)] >= 0
            value[shared] = old[name][source[:len(value)][shared]]
            if missing is NewTokenInit.mean:
                value[~shared] = old[name][:alignment.old_units].mean(0)
    return converted


def grown(model: Any, make: Callable[[], Any]) -> dict[str, dict[int, int]]:
    """Return weight -> axis -> additional size in the model that `make` builds.

    With a vocabulary of one more token, these are the weights with a row per token.
    """
    with torch.device("meta"):
        larger = make().state_dict()
    sizes = {name: enumerate(zip(value.shape, larger[name].shape, strict=True))
             for name, value in model.state_dict().items()}
    longer = {name: {axis: more - size for axis, (size, more) in axes if more != size} for name, axes in sizes.items()}
    return {name: axes for name, axes in longer.items() if axes}


def check_characters(where: str, config: Any, alignment: Alignment) -> None:
    """Raise `ConfigError` if a model reads words by characters and the new vocabulary has other characters."""
    if hasattr(config, "first_character"):
        count = config.vocab_size - config.first_character
        if alignment.source[-count:].tolist() != list(range(config.first_character, config.vocab_size)):
            raise ConfigError(f"{where}: this model reads words by characters, and the new vocabulary has other "
                              "characters; use tokenizer.views.characters=bytes")


def resized(config: Any, vocab_size: int, pad_id: int | None = None) -> Any:
    """Return a copy of an encoder configuration with another vocabulary size; characters stay behind the words.

    Args:
        config: the configuration.
        vocab_size: the new size.
        pad_id: padding id; None keeps the old one.
    """
    config = copy.deepcopy(config)
    if hasattr(config, "first_character"):
        config.first_character += vocab_size - config.vocab_size
    config.vocab_size = vocab_size
    if hasattr(config, "follow_vocabulary"):
        config.follow_vocabulary()
    if pad_id is not None:
        config.pad_token_id = pad_id
    return config
