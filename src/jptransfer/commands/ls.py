"""`jpt ls`: what there is to choose from, a line each: the choices of groups and the registered names."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from jptransfer.config import Config, LsConfig
from jptransfer.config.describe import registered_settings
from jptransfer.data_sources import data_sources
from jptransfer.errors import ConfigError, printable, unknown
from jptransfer.registry import ALL, METRICS, TASKS
from jptransfer.resources import resource

HIDDEN = ("hydra", "suites")
"""Folders of the shipped configurations that are not groups of an experiment."""
SENTENCE_END = re.compile(r"(?<=[.!?])(?<! al\.)(?<!\b[A-Z]\.)\s+(?=[A-Z])")
Line = tuple[str, str]
PLURALS = {"corpus": "corpora"}
KINDS = {"tasks": "kinds"}
"""Registries whose list has another name, since their own is that of a group's choices."""


def ls(config: LsConfig) -> None:
    """Print one list, or the list of lists."""
    from hydra.core.hydra_config import HydraConfig

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
    from jptransfer.suites.library import shipped

    found: dict[str, list[Line]] = {}
    for group, files in groups(own).items():
        plus = "+" if group == "experiment" else ""
        found[plural(group)] = [(f"{plus}{group}={name}", headline(file)) for name, file in files.items()]
    places = registered_settings(Config)
    for name, table in ALL.items():
        path = f"{places[name]}=" if name in places else ""
        lines = found.setdefault(KINDS.get(name, name), [])
        if table is METRICS:
            lines += [(f"evaluation.metrics=[{entry}]", f"{table.help(entry)} ({_kinds(entry)})") for entry in table]
        else:
            lines += [(path + entry, table.help(entry)) for entry in table]
    found["datasets"] += [(f"DATA_ROOT/{place}", str(source)) for place, source in data_sources().items()]
    found["suites"] = [(name, headline(file)) for name, file in shipped().items()]
    return found


def _kinds(metric: str) -> str:
    """Return the kinds of task that a metric is defined for."""
    from jptransfer.evaluation.metrics import fits
    from jptransfer.tasks.base import load_kind

    return ", ".join(kind for kind in TASKS if fits(METRICS.load(metric), load_kind(kind)))


def plural(group: str) -> str:
    """Return the name of the list of a group's choices."""
    return PLURALS.get(group, f"{group}s")


def groups(own: Iterable[Path] = ()) -> dict[str, dict[str, Path]]:
    """Return group -> choice -> file, sorted.

    Args:
        own: further folders of configurations; their choices come before shipped ones of the same name.
    """
    found: dict[str, dict[str, Path]] = {}
    for root in (resource("configs"), *own):
        for file in root.glob("*/*.yaml"):
            if file.parent.name not in HIDDEN:
                found.setdefault(file.parent.name, {})[file.stem] = file
    return {group: dict(sorted(files.items())) for group, files in sorted(found.items())}


def headline(file: Path) -> str:
    """Return the first sentence of the comment at the top of a choice's file; empty if there is none."""
    comment: list[str] = []
    for line in file.read_text(encoding="utf-8").splitlines():
        if not line.startswith("#"):
            break
        if "@package" not in line:
            comment.append(line.lstrip("# ").strip())
    return SENTENCE_END.split(" ".join(comment).split("to execute this experiment")[0].strip())[0]
