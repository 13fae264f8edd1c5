"""What every reader of a labelled data set returns, and the parts of the configuration that all of them read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from jptransfer.config import TaskConfig
from jptransfer.config.task import SPLITS, split_name
from jptransfer.corpora.error_policy import ErrorPolicy
from jptransfer.errors import ConfigError, DataError, nearest, unknown

POOL = "all"
"""Name of examples that the files do not divide into splits."""



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


def data_files(config: TaskConfig, roles: Sequence[str] = (), beside: Sequence[str] = ()) -> dict[str, Path]:
    """Return the files of the configuration that exist: name of a split, or `POOL` -> file or folder.

    Args:
        config: its `files` are read; splits may have any of their names (``dev``), see `split_name`.
        roles: the only names that the reader takes, in their order; empty: any split, or `POOL` alone.
        beside: further names, which may be given in addition to the others; they come last.

    Raises:
        ConfigError: no file is named, a name is unknown or given twice, or `POOL` is given together with splits.
        DataError: a file does not exist.
    """
    splits = config.roles
    given = [split_name(role, splits.named) or role for role, path in config.files.items() if path]
    named = dict(zip(given, filter(None, config.files.values()), strict=True))
    for role in named:
        if given.count(role) > 1:
            raise ConfigError(f"task.files: '{role}' is named twice: {', '.join(config.files)}")
        known = role in roles if roles else role == POOL or split_name(role, splits.named)
        if not known and role not in beside:
            more = "" if roles else "; splits may have other names that begin with one of these, such as test_news"
            raise ConfigError(f"task.files: {unknown('role', role, [*(roles or (*SPLITS, POOL)), *beside])}{more}")
    own = [role for role in named if role not in beside]
    order = list(roles or [*SPLITS, *sorted(set(own) - {*SPLITS, POOL}), POOL])
    if not own:
        raise ConfigError(f"task.files: data set '{config.dataset}' needs files for: "
                          f"{', '.join(roles or (*SPLITS, POOL))}")
    if POOL in own and len(own) > 1:
        raise ConfigError(f"task.files: '{POOL}' cannot stand beside {', '.join(sorted(set(own) - {POOL}))}")
    if not roles and POOL not in named and splits.fit not in named:
        raise ConfigError(f"task.files: there is no training file ({splits.fit}, or all)")
    found = {role: Path(named[role]).expanduser() for role in (*order, *beside) if role in named}
    for role, path in found.items():
        if not path.exists():
            around = path.parent.iterdir() if path.parent.is_dir() else ()
            siblings = [sibling.name for sibling in around if sibling.exists()]
            raise DataError(f"task.files.{role}: no such file or folder: '{path}'{nearest(path.name, siblings)}")
    return found


def error_policy(config: TaskConfig) -> ErrorPolicy:
    """Return how malformed input is dealt with, as the configuration says."""
    return ErrorPolicy(on_error=config.on_error, encoding="task.encoding")
