"""Additions from outside the package: modules that register members when they are imported.

An installed distribution names such a module in the entry-point group `jptransfer`; ``plugins=[my_module]`` names one
that is merely importable. Both are imported before settings are read, since members bring settings of their own.
"""

from __future__ import annotations

import importlib
import os
import re
import sys
from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path

from jptransfer.errors import ConfigError
from jptransfer.registration import Entry

GROUP = "jptransfer"
INHERITED = "JPT_PLUGINS"
"""Environment variable that names the plugins of this process to those that it starts."""
_loaded: list[str] = []


class PluginsLoadedError(ConfigError):
    """A file of settings named plugins that are loaded only now: what is composed has to be composed again."""


def start(words: Sequence[str] = ()) -> None:
    """Load the plugins that are installed, those of the process that started this one, and those of a command line."""
    load([*installed(), *_inherited()], "")
    for word in words:
        if found := re.match(r"\+{0,2}plugins=(.*)", word, re.S):
            load(_names(found[1]))


def _inherited() -> list[str]:
    return [name for name in os.environ.get(INHERITED, "").split(",") if name]


def _names(value: str) -> list[str]:
    return [name for part in value.split(",") if (name := part.strip(" []'\""))]


def load(modules: Iterable[str], where: str = "plugins: ") -> list[str]:
    """Import modules and return those that were not loaded yet.

    Raises:
        ConfigError: one cannot be imported; `where` begins the message.
    """
    new = [module for module in dict.fromkeys(modules) if module not in _loaded]
    for module in new:
        try:
            importlib.import_module(module)
        except Exception as error:
            reason = " ".join(str(error).split()) or type(error).__name__
            raise ConfigError(f"{where}'{module}' cannot be imported: {reason}") from error
        _loaded.append(module)
    if new:
        os.environ[INHERITED] = ",".join(_loaded)
    return new


def load_named(modules: Iterable[str], where: str) -> None:
    """Load the plugins that a file of settings names.

    Raises:
        ConfigError: one cannot be imported.
        PluginsLoadedError: one was not loaded before, so the configuration under way does not know its settings. In a
            process that a launcher started it does: the settings come from the process that composed them first.
    """
    inherited = _inherited()
    if new := [one for one in load(modules, f"{where}: plugins: ") if one not in inherited]:
        raise PluginsLoadedError(f"{where}: name its plugins for the whole command: plugins=[{','.join(new)}]")


@cache
def installed() -> dict[str, str]:
    """Return module -> name and version of the distribution, of all plugins that are installed."""
    files = (file for folder in dict.fromkeys(sys.path) for kind in ("dist", "egg")
             for file in Path(folder or ".").glob(f"*.{kind}-info/entry_points.txt"))
    if not any(f"[{GROUP}]".encode() in file.read_bytes() for file in files):
        return {}
    from importlib.metadata import entry_points

    return {one.module: f"{one.dist.name} {one.dist.version}" for one in entry_points(group=GROUP) if one.dist}


def plugin_of(entry: Entry) -> str:
    """Return the plugin that registered a member, empty for the package's own."""
    module = entry.module if entry.settings is None else entry.settings.__module__
    if module.partition(".")[0] == "jptransfer":
        return ""
    above = [name for name in _loaded if f"{module}.".startswith(f"{name}.")]
    return max(above, key=len, default=module)


def version_of(plugin: str) -> str:
    """Return name and version of an installed plugin, or the sha256 of the source of one that is only importable."""
    return installed().get(plugin) or _digest(plugin)


@cache
def _digest(plugin: str) -> str:
    import hashlib  # takes as long to import as all of this file, and is needed for plugins alone

    file = sys.modules[plugin].__file__
    if not file:
        return "no source"
    place = Path(file)
    files = sorted(place.parent.rglob("*.py")) if place.name == "__init__.py" else [place]
    whole = hashlib.sha256()
    for one in files:
        whole.update(f"{one.relative_to(place.parent).as_posix()}\0".encode() + one.read_bytes() + b"\0")
    return f"sha256:{whole.hexdigest()}"


def check_loaded(plugins: Iterable[str], what: str) -> None:
    """Raise `ConfigError` if a plugin that `what` was made with is not loaded."""
    if missing := [plugin for plugin in plugins if plugin not in sys.modules]:
        raise ConfigError(f"{what} was made with the plugin '{missing[0]}'; install it, or give plugins=[{missing[0]}]")
