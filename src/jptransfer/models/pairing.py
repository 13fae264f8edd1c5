"""Check that a tokenizer and a model belong together: ids of special tokens, and an embedding for each token."""

from __future__ import annotations

from itertools import chain
from typing import Any

from torch import nn

from jptransfer.errors import ConfigError
from jptransfer.models.encoder import encoder_of
from jptransfer.text.types import Tokenizer

_HINTS = {"MLukeTokenizer": "; XLMRobertaTokenizer reads the same sentencepiece.bpe.model correctly: name it as "
                            "tokenizer_class in tokenizer_config.json"}


def check_pair(model: nn.Module, tokenizer: Tokenizer, what: str = "model") -> None:
    """Check that a model can read the ids of a tokenizer, and that both use the same ids for special tokens.

    If the tokenizer has no padding token, the `pad_token_id` of the model's configuration is set to the id that the
    tokenizer pads with. Classifiers that look for the last token then find it.

    Args:
        model: the model; its configuration may be changed.
        tokenizer: the tokenizer.
        what: name of the model for messages.

    Raises:
        ConfigError: the two do not belong together.
    """
    config: Any = model.config
    rows = _rows(model)
    if rows is not None and tokenizer.vocab_size > rows:
        raise ConfigError(f"the tokenizer has {tokenizer.vocab_size} units, the {what} only {rows}; "
                          "they do not belong together")
    own: dict[str, int] = getattr(tokenizer, "special_ids", {"pad": tokenizer.pad_id})
    for role, index in own.items():
        expected = getattr(config, f"{role}_token_id", None)
        accepted = expected if isinstance(expected, list) else [expected]
        if expected is None or index in accepted or not all(_is_id(one, rows) for one in accepted):
            continue
        if role == "pad" or index in _around(tokenizer) or expected != _default(config, role):
            raise ConfigError(
                f"the tokenizer's {role} token {tokenizer.token(index)!r} has id {index}, but the {what}'s config.json "
                f"says {role}_token_id={expected}; they do not belong together"
                + _HINTS.get(type(getattr(tokenizer, 'tokenizer', None)).__name__, ""))
    if getattr(config, "pad_token_id", None) is None or "pad" not in own:
        config.pad_token_id = tokenizer.pad_id


def _rows(model: nn.Module) -> int | None:
    """Return the number of ids that the model has embeddings for, or None if it takes any id (CANINE hashes them)."""
    config: Any = encoder_of(model).config
    units = getattr(config, "vocab_size", None)
    return units if isinstance(units, int) else None


def _is_id(value: Any, rows: int | None) -> bool:
    """Return whether a value of a configuration can be an id of this vocabulary.

    A small model of GPT-2's family can have the default ids of the large vocabulary, which are not meant.
    """
    return isinstance(value, int) and value >= 0 and (rows is None or value < rows)


def _around(tokenizer: Tokenizer) -> tuple[int, ...]:
    template = tokenizer.template
    return tuple(chain(*template.single.special, *template.pair.special))


def _default(config: Any, role: str) -> Any:
    """Return the default id of the configuration's class."""
    return getattr(type(config)(), f"{role}_token_id", None)
