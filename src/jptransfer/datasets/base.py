"""What every reader of a labelled data set returns, and the parts of the configuration that all of them read."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from jptransfer.config import TaskConfig
from jptransfer.corpora.error_policy import ErrorPolicy
from jptransfer.errors import DataError, nearest


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


def data_files(config: TaskConfig) -> dict[str, Path]:
    """Return the files of a task: name of a split, `POOL` or another name that the reader takes -> file or folder.

    Raises:
        ConfigError: the names are wrong, see `TaskConfig.named_files`.
        DataError: a file does not exist.
    """
    found = {role: Path(path).expanduser() for role, path in config.named_files().items()}
    for role, path in found.items():
        if not path.exists():
            around = path.parent.iterdir() if path.parent.is_dir() else ()
            siblings = [sibling.name for sibling in around if sibling.exists()]
            raise DataError(f"task.files.{role}: no such file or folder: '{path}'{nearest(path.name, siblings)}")
    return found


def error_policy(config: TaskConfig) -> ErrorPolicy:
    """Return how malformed input is dealt with, as the configuration says."""
    return ErrorPolicy(on_error=config.on_error, encoding="task.encoding")
