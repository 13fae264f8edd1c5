"""`jpt ls`: what there is to choose from: choices of groups and registered names, a line each."""

from __future__ import annotations

from collections.abc import Iterator

from jptransfer.commands.help import groups, headline
from jptransfer.config import Config, LsConfig
from jptransfer.config.describe import registered_settings
from jptransfer.data_sources import data_sources
from jptransfer.errors import ConfigError, printable, unknown
from jptransfer.registry import ALL
from jptransfer.suites.library import shipped

Line = tuple[str, str]


def ls(config: LsConfig) -> None:
    """Print one list, or the list of lists."""
    known = catalogue()
    singular = {group: plural(group) for group in groups()}
    what = singular.get(config.what, config.what)
    if not what:
        lines = [(name, str(len(entries))) for name, entries in known.items()]
    elif what in known:
        lines = known[what]
    else:
        raise ConfigError(unknown("list", config.what, known))
    width = max(len(name) for name, _ in lines)
    print("\n".join(printable(f"{name:<{width}}  {text}".rstrip()) for name, text in lines))


def catalogue() -> dict[str, list[Line]]:
    """Return every list by its name: the choices of a group first, then the registered names of the same noun."""
    found: dict[str, list[Line]] = {plural(group): list(_choices(group, names)) for group, names in groups().items()}
    places = registered_settings(Config)
    for name, table in ALL.items():
        path = f"{places[name]}=" if name in places else ""
        found.setdefault(name, []).extend((path + entry, table.entries[entry].help) for entry in table)
    found["datasets"] += [(f"DATA_ROOT/{place}", str(source)) for place, source in data_sources().items()]
    found["suites"] = [(name, headline("suites", name)) for name in shipped()]
    return found


def _choices(group: str, names: list[str]) -> Iterator[Line]:
    plus = "+" if group == "experiment" else ""
    yield from ((f"{plus}{group}={name}", headline(group, name)) for name in names)


def plural(group: str) -> str:
    """The name of the list of a group's choices."""
    return {"corpus": "corpora"}.get(group, f"{group}s")
