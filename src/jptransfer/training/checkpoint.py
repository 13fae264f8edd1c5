"""Resumable checkpoints: one file, replaced atomically, so that a killed process always leaves a complete one."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

from jptransfer.errors import WorkError, reason

CHECKPOINT = "checkpoint.pt"


def save_atomically(value: Any, path: Path) -> None:
    """Write tensors and plain Python values; `path` always holds either its old or the complete new content."""
    temporary = path.with_name(path.name + ".tmp")
    with temporary.open("wb") as file:
        torch.save(value, file)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)


def load(path: Path) -> Any:
    """Load a file written by `save_atomically` onto the CPU. Only tensors and plain values are unpickled.

    Raises:
        WorkError: the file is missing or damaged.
    """
    with readable(path):
        return torch.load(path, map_location="cpu", weights_only=True)


@contextmanager
def readable(path: Path) -> Iterator[None]:
    """Convert any error raised while a file of an interrupted run is read and restored into a `WorkError`."""
    try:
        yield
    except (MemoryError, torch.OutOfMemoryError):
        raise
    except Exception as error:  # torch, zipfile and pickle have dozens of ways to say that a file is damaged
        raise WorkError(f"{path} cannot be read ({reason(error)[:120]})") from error


def require(files: Iterable[Path]) -> None:
    """Raise `ValueError` if a file that a checkpoint refers to is missing."""
    for file in files:
        if not file.is_file():
            raise ValueError(f"{file.name} is missing beside it")


def check_form(saved: Any, state: dict[str, Any], interval: dict[str, Any]) -> tuple[Any, Any, list[Any]]:
    """Return state, interval and records of a checkpoint after comparing their form with that of a new run.

    Raises:
        ValueError: the keys or types differ.
    """
    records = saved["records"]
    saved["state"].setdefault("seconds_at", {})  # checkpoints of before had none
    if not (_alike(saved["state"], state) and _alike(saved["interval"], interval)
            and all(isinstance(record, dict) for record in records)):
        raise ValueError("it has another form")
    return saved["state"], saved["interval"], records


def _alike(found: Any, like: dict[str, Any]) -> bool:
    """Whether a checkpoint's value has the keys of `like` and, for numbers and dicts, values of the same types."""
    if not isinstance(found, dict) or found.keys() != like.keys():
        return False
    kinds = {bool: bool, int: int, float: (int, float), dict: dict}
    return all(isinstance(found[key], kinds[type(value)]) for key, value in like.items() if type(value) in kinds)
