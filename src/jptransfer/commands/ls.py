"""`jpt ls`: what there is to choose from, a line each: the choices of groups and the registered names."""

from __future__ import annotations

from pathlib import Path

from hydra.core.hydra_config import HydraConfig

from jptransfer.commands.choices import groups, headline
from jptransfer.config import Config, LsConfig
from jptransfer.config.describe import registered_settings
from jptransfer.data_sources import data_sources
from jptransfer.errors import ConfigError, printable, unknown
from jptransfer.registry import ALL
from jptransfer.suites.library import shipped

Line = tuple[str, str]
PLURALS = {"corpus": "corpora"}
KINDS = {"tasks": "kinds"}
"""Registries whose list has another name, since their own is that of a group's choices."""


def ls(config: LsConfig) -> None:
    """Print one list, or the list of lists."""
    sources = HydraConfig.get().runtime.config_sources
    known = catalogue([Path(one.path) for one in sources if one.provider not in ("hydra", "main", "schema")])
    what = {group: plural(group) for group in groups()}.get(config.what, config.what)
    if what and what not in known:
        raise ConfigError(unknown("list", config.what, known))
    lines = known[what] if what else [(name, str(len(entries))) for name, entries in known.items()]
    width = max(len(name) for name, _ in lines)
    print("\n".join(printable(f"{name:<{width}}  {text}".rstrip()) for name, text in lines))


def catalogue(own: list[Path]) -> dict[str, list[Line]]:
    """Return every list by its name: the choices of a group, then the registered names of the same noun.

    Args:
        own: folders with further choices.
    """
    found: dict[str, list[Line]] = {}
    for group, files in groups(own).items():
        plus = "+" if group == "experiment" else ""
        found[plural(group)] = [(f"{plus}{group}={name}", headline(file)) for name, file in files.items()]
    places = registered_settings(Config)
    for name, table in ALL.items():
        path = f"{places[name]}=" if name in places else ""
        lines = found.setdefault(KINDS.get(name, name), [])
        lines += [(path + entry, table.entries[entry].help) for entry in table]
    found["datasets"] += [(f"DATA_ROOT/{place}", str(source)) for place, source in data_sources().items()]
    found["suites"] = [(name, headline(file)) for name, file in shipped().items()]
    return found


def plural(group: str) -> str:
    """Return the name of the list of a group's choices."""
    return PLURALS.get(group, f"{group}s")
