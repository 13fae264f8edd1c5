"""What every reader of a labelled data set returns, and the parts of the configuration that all of them read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from jptransfer.config import TaskConfig
from jptransfer.corpora.error_policy import ErrorPolicy
from jptransfer.errors import ConfigError, DataError, nearest, unknown
from jptransfer.tasks.base import SPLITS

POOL = "all"
"""Name of examples that the files do not divide into splits."""

ALIASES = dict.fromkeys(("dev", "valid", "val", "development"), "validation") | {"training": "train"}
"""Other names of splits that files and settings may use."""


@dataclass
class RawDataset:
    """Examples as the files have them.

    Attributes:
        splits: split -> examples in the files' order; undivided ones under `POOL`.
        counts: what was left out or repaired while reading, by reason.
        groups: id -> what must not be divided between splits (an article, an author); default: the text itself.
    """

    splits: dict[str, list[Any]]
    counts: Counter[str] = field(default_factory=Counter)
    groups: dict[str, str] = field(default_factory=dict)


def split_name(name: str) -> str | None:
    """Return the canonical name of a split, None if `name` is none."""
    name = ALIASES.get(name.lower(), name.lower())
    return name if name in SPLITS else None


def data_files(config: TaskConfig, roles: Sequence[str] = (*SPLITS, POOL),
               beside: Sequence[str] = ()) -> dict[str, Path]:
    """Return role -> existing file or folder, roles in canonical order and spelling; then those that may stand `beside`
    `all`.

    Raises:
        ConfigError: no file is named, a role is unknown or named twice, or `all` stands beside other roles.
        DataError: a file does not exist.
    """
    given = [split_name(role) or role for role, path in config.files.items() if path]
    named = dict(zip(given, filter(None, config.files.values()), strict=True))
    for role in named:
        if given.count(role) > 1:
            raise ConfigError(f"task.files: '{role}' is named twice: {', '.join(config.files)}")
        if role not in (*roles, *beside):
            raise ConfigError(f"task.files: {unknown('role', role, (*roles, *beside))}")
    own = [role for role in named if role not in beside]
    if not own:
        raise ConfigError(f"task.files: data set '{config.dataset}' needs files for: {', '.join(roles)}")
    if POOL in own and len(own) > 1:
        raise ConfigError(f"task.files: '{POOL}' cannot stand beside {', '.join(sorted(set(own) - {POOL}))}")
    if POOL not in named and "train" in roles and "train" not in named:
        raise ConfigError("task.files: there is no training file (train, or all)")
    found = {role: Path(named[role]).expanduser() for role in (*roles, *beside) if role in named}
    for role, path in found.items():
        if not path.exists():
            around = path.parent.iterdir() if path.parent.is_dir() else ()
            siblings = [sibling.name for sibling in around if sibling.exists()]
            raise DataError(f"task.files.{role}: no such file or folder: '{path}'{nearest(path.name, siblings)}")
    return found


def reader_options(config: TaskConfig, known: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """Return the reader's options with defaults filled in.

    `known` gives for each option its choices, the default first; a single empty choice stands for free text.

    Raises:
        ConfigError: an option or its value is unknown.
    """
    for name, value in config.options.items():
        if name not in known:
            raise ConfigError(f"task.options: {unknown('option', name, known)}")
        if tuple(known[name]) != ("",) and value not in known[name]:
            raise ConfigError(f"task.options.{name}: {unknown('choice', value, known[name])}")
    return {name: config.options.get(name, choices[0]) for name, choices in known.items()}


def error_policy(config: TaskConfig) -> ErrorPolicy:
    """Return how malformed input is dealt with, as the configuration says."""
    return ErrorPolicy(on_error=config.on_error, encoding="task.encoding")
