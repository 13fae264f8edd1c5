"""Identity: canonical JSON of a recipe and its sha256.

A recipe is ``{stage, version, config, inputs}``. The configuration comes from typed dataclasses, so 1, 1.0 and 1e0
agree; what has no canonical form (paths, functions, NaN, sets) is refused instead of being hashed by accident.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
from collections.abc import Iterator
from enum import Enum
from typing import Any

from jptransfer.config.chosen import chosen_fields, identity_fields

SHORT = 12
"""Hex digits of a fingerprint that name a folder."""


def canonical(value: Any, where: str = "value") -> Any:
    """Return `value` as plain JSON data with one form for equal settings.

    Fields marked `label` or `external` are left out, as are fields that hold their `omit_when` value and sections of
    members that were not chosen; tables marked `ordered` become lists of their entries, and the settings of sections
    marked `flat` stand among those of the section around them.

    Raises:
        TypeError: for anything without a canonical form, naming the place.
    """
    if value is None or isinstance(value, bool | str | int) and not isinstance(value, Enum):
        return value
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, float):
        return _number(value, where)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return _canonical_section(value, where)
    if isinstance(value, list | tuple):
        return [canonical(item, f"{where}[{i}]") for i, item in enumerate(value)]
    if isinstance(value, dict):
        if not all(isinstance(key, str) for key in value):
            raise TypeError(f"{where}: keys must be strings")
        return {key: canonical(value[key], f"{where}.{key}") for key in sorted(value)}
    raise TypeError(f"{where}: {type(value).__name__} has no canonical form")


def _canonical_section(section: Any, where: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for field in identity_fields(section):
        value = getattr(section, field.name)
        if _counts(field, value):
            plain = canonical(_in_order(field, value), f"{where}.{field.name}")
            found |= plain if field.metadata.get("flat") else {field.name: plain}
    return found


def _counts(field: dataclasses.Field, value: Any) -> bool:
    marks = field.metadata
    if marks.get("label") or marks.get("external"):
        return False
    return not ("omit_when" in marks and value == marks["omit_when"])


def _in_order(field: dataclasses.Field, value: Any) -> Any:
    """Return a table whose order matters as a list of its entries."""
    return [[key, item] for key, item in value.items()] if field.metadata.get("ordered") else value


def _number(value: float, where: str) -> float | int:
    if not math.isfinite(value):
        raise TypeError(f"{where}: {value} has no canonical form")
    return int(value) if value.is_integer() else value


def canonical_json(value: Any) -> str:
    """Return canonical JSON text: sorted keys, no spaces, UTF-8, no NaN."""
    return json.dumps(canonical(value), sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def fingerprint(recipe: Any) -> str:
    """Return the sha256 (64 hex digits) of a recipe's canonical JSON."""
    return hashlib.sha256(canonical_json(recipe).encode()).hexdigest()


@dataclasses.dataclass(frozen=True)
class External:
    """A place named by a configuration: its dotted field, how it is marked, and the value."""

    where: str
    mark: Any
    value: str
    owner: Any


def externals(config: Any, where: str = "") -> Iterator[External]:
    """Yield every non-empty value of the `external` fields of a configuration, depth first."""
    for f in chosen_fields(config):
        value, path, mark = getattr(config, f.name), f"{where}{f.name}", f.metadata.get("external")
        if mark:
            places = value if isinstance(value, dict) else dict(enumerate(value)) if isinstance(value, list) else None
            found = {path: value} if places is None else {f"{path}.{key}": item for key, item in places.items()}
            yield from (External(name, mark, item, config) for name, item in found.items() if item)
        elif dataclasses.is_dataclass(value):
            yield from externals(value, f"{path}.")
        elif isinstance(value, dict):
            for key, item in value.items():
                if dataclasses.is_dataclass(item):
                    yield from externals(item, f"{path}.{key}.")


def differences(old: Any, new: Any, where: str = "") -> Iterator[tuple[str, Any, Any]]:
    """Yield (dotted field, old value, new value) wherever two canonical structures differ; None stands for absent."""
    if isinstance(old, dict) and isinstance(new, dict):
        for key in sorted(old.keys() | new.keys()):
            yield from differences(old.get(key), new.get(key), f"{where}.{key}" if where else key)
    elif old != new:
        yield where, old, new
