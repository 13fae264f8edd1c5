"""Sections as JSON data and back, for files that a model carries with it."""

from __future__ import annotations

import dataclasses
import typing
from collections.abc import Mapping
from enum import Enum
from typing import Any, TypeVar

from jptransfer.config.chosen import chosen_fields
from jptransfer.config.hints import is_optional
from jptransfer.registration import type_hints

T = TypeVar("T")


def to_plain(value: Any) -> Any:
    """Return a section as JSON data: dataclasses as dicts of what takes part, enumerations as their values."""
    if dataclasses.is_dataclass(value):
        return {field.name: to_plain(getattr(value, field.name)) for field in chosen_fields(value)}
    if isinstance(value, list):
        return [to_plain(item) for item in value]
    if isinstance(value, dict):
        return {key: to_plain(item) for key, item in value.items()}
    return value.value if isinstance(value, Enum) else value


def from_plain(schema: type[T], values: Mapping[str, Any]) -> T:
    """Return the section that `to_plain` made `values` of; fields that came later have their defaults."""
    hints = type_hints(schema)
    return schema(**{name: _typed(hints[name], value) for name, value in values.items()})


def _typed(hint: Any, value: Any) -> Any:
    if is_optional(hint) and value is not None:
        hint = next(one for one in typing.get_args(hint) if one is not type(None))
    if isinstance(hint, type) and issubclass(hint, Enum):
        return hint(value)
    return from_plain(hint, value) if dataclasses.is_dataclass(hint) and value is not None else value  # type: ignore[arg-type]
