"""Vocabulary alignment: which units of an old vocabulary are units of a new one, and embeddings carried over by it.

A language model that is adapted to a domain may get the domain's own vocabulary (as in the code of Howard and Ruder
2018): a unit that both have keeps its embedding, its row of the decoder and its bias there; the others get the mean
of all rows, or begin afresh.
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
    """Where each unit of a new vocabulary stands in an old one.

    Attributes:
        source: (new units,) int64 ids of the old vocabulary, -1 where it lacks the unit.
        old_units: size of the old vocabulary.
    """

    source: np.ndarray
    old_units: int

    @property
    def shared(self) -> np.ndarray:
        """Whether the old vocabulary has each new unit, (new units,) bool."""
        return self.source >= 0

    def covered(self, ids: np.ndarray, units: int | None = None) -> float:
        """Return the share of token `ids` (tokens,) of the new vocabulary that the old one has, read in pieces.

        With `units` only ids below it count (words, where their characters follow them).
        """
        found = total = 0
        for start in range(0, len(ids), BLOCK):
            block = ids[start:start + BLOCK]
            block = block if units is None else block[block < units]
            found, total = found + int(self.shared[block].sum()), total + len(block)
        return found / max(1, total)

    def describe(self, ids: np.ndarray, units: int | None = None) -> dict[str, float]:
        """Return units, shared, missing, and `tokens_covered`: the share of `ids` whose unit is shared.

        With `units` only ids below it count, see `covered`.
        """
        counted = self.shared[:units]
        shared = int(counted.sum())
        return {"units": len(counted), "shared": shared, "missing": len(counted) - shared,
                "tokens_covered": self.covered(ids, units)}


def align(old: Tokenizer, new: Tokenizer) -> Alignment:
    """Find the units of `new` in `old` by their text; special tokens by what they are for, whatever they are called."""
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
    """Return what a special token is for (``pad_id``, ...) -> its id."""
    found = {}
    for role in _ROLES:
        try:
            found[role] = getattr(tokenizer, role)
        except ConfigError:  # a tokenizer made elsewhere may lack a mask
            continue
    return found


def convert(model: Any, alignment: Alignment, missing: NewTokenInit, pad_id: int) -> Any:
    """Return a model of the class and weights of `model` over the new vocabulary of `alignment`.

    Whatever grows with the vocabulary is converted: embeddings, a decoder (tied or not) and its bias. Where only the
    first units have a row (words, and not their characters), those are converted.

    Args:
        model: a language model of transformers or of ours.
        alignment: from the model's vocabulary to the new one.
        missing: what a unit that the old vocabulary lacks begins with: the mean of the old rows, or fresh values of the
            model's own kind, drawn from torch's current random state.
        pad_id: id of padding in the new vocabulary.

    Raises:
        ConfigError: the model reads words by their characters, and these are not the same in both vocabularies.
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
    """Return for weights of `model` the axes that are longer in what `make` makes, and by how much: what has a row for
    each unit is found by a vocabulary with one more."""
    with torch.device("meta"):
        larger = make().state_dict()
    sizes = {name: enumerate(zip(value.shape, larger[name].shape, strict=True))
             for name, value in model.state_dict().items()}
    longer = {name: {axis: more - size for axis, (size, more) in axes if more != size} for name, axes in sizes.items()}
    return {name: axes for name, axes in longer.items() if axes}


def check_characters(where: str, config: Any, alignment: Alignment) -> None:
    """Raise `ConfigError` if a model of `config` reads words by characters that are others in the new vocabulary."""
    if hasattr(config, "first_character"):
        count = config.vocab_size - config.first_character
        if alignment.source[-count:].tolist() != list(range(config.first_character, config.vocab_size)):
            raise ConfigError(f"{where}: this model reads words by their characters, which are others in the "
                              "new vocabulary; take tokenizer.views.characters=bytes")


def resized(config: Any, vocab_size: int, pad_id: int | None = None) -> Any:
    """Return a copy of an encoder's configuration for so many units; characters stay as they are, behind the words.

    Args:
        pad_id: id of padding; None: as before.
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
