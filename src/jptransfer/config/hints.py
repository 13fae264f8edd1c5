"""Types of settings by their paths in the schema.

Without OmegaConf, so that stages can run where neither it nor Hydra is installed.
"""

from __future__ import annotations

import dataclasses
import typing
from types import UnionType
from typing import Any

from jptransfer.registration import type_hints


def hint_at(words: list[str], hint: Any) -> Any:
    """Return the type of the setting at a path below a section or table; None if there is none."""
    for word in words:
        if typing.get_origin(hint) is dict:
            hint = typing.get_args(hint)[1]
            if not dataclasses.is_dataclass(hint) and typing.get_origin(hint) is not dict:
                return hint  # the name of an entry may have dots of its own
        elif isinstance(hint, type) and dataclasses.is_dataclass(hint):
            hint = type_hints(hint).get(word)
        else:
            return None
    return hint


def is_text(hint: Any) -> bool:
    """Whether a setting of this type holds a text."""
    return hint is str or isinstance(hint, UnionType) and str in typing.get_args(hint)


def is_optional(hint: Any) -> bool:
    """Whether a setting of this type may be null."""
    return isinstance(hint, UnionType) and type(None) in typing.get_args(hint)


def item_hint(hint: Any) -> Any:
    """Return the type of the items of a list, or of the values of a table; None for anything else."""
    return typing.get_args(hint)[-1] if typing.get_origin(hint) in (list, dict) else None
