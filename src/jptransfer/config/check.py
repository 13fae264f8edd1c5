"""Checks of a typed configuration that its types cannot make: registered names and limits of numbers."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any, Protocol, runtime_checkable

from jptransfer.config.describe import unknown_setting
from jptransfer.config.names import check_name
from jptransfer.errors import ConfigError


@runtime_checkable
class Validated(Protocol):
    """A section that checks its settings against each other."""

    def validate(self) -> str:
        """Return what is wrong, empty if nothing is; it follows the section's path (``.epochs: …`` or ``: …``); a
        root configuration names the setting itself."""


def walk(config: Any, prefix: str = "") -> Iterator[tuple[str, dataclasses.Field[Any], Any]]:
    """Yield (dotted path, field, value) of every setting below the dataclass instance `config`, depth first.

    Values of tables of dataclasses are walked as well; their keys are part of the path.
    """
    for field in dataclasses.fields(config):
        value, path = getattr(config, field.name), prefix + field.name
        yield path, field, value
        for name, inner in value.items() if isinstance(value, dict) else [("", value)]:
            if dataclasses.is_dataclass(inner):
                yield from walk(inner, f"{path}.{name}." if name else f"{path}.")


def check(config: Any) -> None:
    """Raise `ConfigError` for the first setting that is unknown, no registered name, out of its limits, or no name.

    A section whose settings depend on each other implements `Validated`.
    """
    for path in unknown_fields(config):
        raise ConfigError(unknown_setting(path, type(config)))
    for path, field, value in walk(config):
        for item in value if isinstance(value, list) else [value]:
            if name := field.metadata.get("registry"):
                _check_name(path, name, item, optional=field.default == "")
            if isinstance(item, int | float) and not isinstance(item, bool):
                _check_limits(path, item, *map(field.metadata.get, ("low", "high", "off")))
        if field.name == "name" and field.metadata.get("label"):
            check_name(path, value)
        if dataclasses.is_dataclass(value) and isinstance(value, Validated) and (message := value.validate()):
            raise ConfigError(f"{path}{message}")
    if isinstance(config, Validated) and (message := config.validate()):
        raise ConfigError(message)


def unknown_fields(config: Any, prefix: str = "") -> Iterator[str]:
    """Yield the dotted paths of attributes that are no fields: what ``+key=value`` put into a typed section."""
    known = {field.name for field in dataclasses.fields(config)}
    for name, value in vars(config).items():
        if name not in known:
            yield prefix + name
        for key, inner in value.items() if isinstance(value, dict) else [("", value)]:
            if dataclasses.is_dataclass(inner):
                yield from unknown_fields(inner, f"{prefix}{name}.{key}." if key else f"{prefix}{name}.")


def _check_name(path: str, table: str, name: str, optional: bool) -> None:
    from jptransfer import registry

    if name or not optional:
        registry.ALL[table].check(name, path)


def _check_limits(path: str, number: float, low: float | None, high: float | None, off: int | None) -> None:
    if number == off and off is not None:
        return
    if (low is not None and not number >= low) or (high is not None and not number <= high):
        sides = ([f"at least {low:g}"] if low is not None else []) + ([f"at most {high:g}"] if high is not None else [])
        raise ConfigError(f"{path}: {number:g} is out of range; it must be "
                          f"{'' if off is None else f'{off} or '}{' and '.join(sides)}")
