"""What of a configuration takes part in a run: the settings and sections of the members that were chosen."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator
from typing import Any

from jptransfer import registry
from jptransfer.plugins import plugin_of, version_of
from jptransfer.registration import Entry


def chosen_fields(section: Any) -> list[dataclasses.Field[Any]]:
    """Return the fields of a section that take part: not the sections of members that were not chosen.

    Where the choice is left to what is known later only, sections that differ from their defaults take part.
    """
    return [one for one in dataclasses.fields(section) if _takes_part(section, one)]


def identity_fields(section: Any) -> list[dataclasses.Field[Any]]:
    """Return the fields of a section that may count in an identity: `chosen_fields`, and those that count unread."""
    return [one for one in dataclasses.fields(section) if one.metadata.get("counts") or _takes_part(section, one)]


def _takes_part(section: Any, field: dataclasses.Field[Any]) -> bool:
    if choice := field.metadata.get("chosen_by"):
        chosen, value = getattr(section, choice), getattr(section, field.name)
        if isinstance(chosen, list):
            return field.name in chosen
        return chosen == field.name if chosen else bool(value != type(value)())
    if capability := field.metadata.get("read_if"):
        return all(getattr(entry, capability) for _, _, entry in members_of(section))
    return True


def members(config: Any) -> Iterator[tuple[str, str, Entry]]:
    """Yield (table, name, entry) of the registered members that take part in a configuration."""
    yield from members_of(config)
    for field in chosen_fields(config):
        value = getattr(config, field.name)
        for inner in value.values() if isinstance(value, dict) else [value]:
            if dataclasses.is_dataclass(inner):
                yield from members(inner)


def member_versions(config: Any) -> dict[str, str]:
    """Return what registered members add to the identity of what is made with them.

    That is ``table:name`` -> version where it is 2 or more, and ``plugin:module`` -> version or digest of a plugin.
    """
    found = list(members(config))
    versions = {f"{table}:{name}": f"version:{entry.version}" for table, name, entry in found if entry.version > 1}
    return versions | {f"plugin:{name}": version for name, version in plugin_versions(one for *_, one in found).items()}


def plugin_versions(entries: Iterable[Entry]) -> dict[str, str]:
    """Return the plugins that members come from: module -> version, or digest."""
    return {plugin: version_of(plugin) for plugin in map(plugin_of, entries) if plugin}


def members_of(section: Any) -> Iterator[tuple[str, str, Entry]]:
    """Yield (table, name, entry) of the registered members that the fields of a section name."""
    for field in dataclasses.fields(section):
        if table := field.metadata.get("registry"):
            value = getattr(section, field.name)
            for name in value if isinstance(value, list) else [value]:
                if name in registry.ALL[table]:
                    yield table, name, registry.ALL[table].entries[name]
