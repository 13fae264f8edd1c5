"""Resumable checkpoints: one file, replaced atomically, so that a kill at any moment leaves the last good one."""

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
    """Write tensors and plain Python values so that `path` holds either its old content or all of the new."""
    temporary = path.with_name(path.name + ".tmp")
    with temporary.open("wb") as file:
        torch.save(value, file)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)


def load(path: Path) -> Any:
    """Read what `save_atomically` wrote, onto the CPU; nothing but tensors and plain values is unpickled.

    Raises:
        WorkError: the file is missing or damaged.
    """
    with readable(path):
        return torch.load(path, map_location="cpu", weights_only=True)


@contextmanager
def readable(path: Path) -> Iterator[None]:
    """Turn whatever is raised while a file of an interrupted run is read and taken over into a `WorkError`."""
    try:
        yield
    except (MemoryError, torch.OutOfMemoryError):
        raise
    except Exception as error:  # torch, zipfile and pickle have dozens of ways to say that a file is damaged
        raise WorkError(f"{path} cannot be read ({reason(error)[:120]})") from error


def require(files: Iterable[Path]) -> None:
    """Raise `ValueError` if a file that a checkpoint speaks of is not there."""
    for file in files:
        if not file.is_file():
            raise ValueError(f"{file.name} is missing beside it")


def check_form(saved: Any, state: dict[str, Any], interval: dict[str, Any]) -> tuple[Any, Any, list[Any]]:
    """Return state, interval and records of a checkpoint, alike in form to those of a run that begins.

    Raises:
        ValueError: they have another form.
    """
    records = saved["records"]
    if not (_alike(saved["state"], state) and _alike(saved["interval"], interval)
            and all(isinstance(record, dict) for record in records)):
        raise ValueError("it has another form")
    return saved["state"], saved["interval"], records


def _alike(found: Any, like: dict[str, Any]) -> bool:
    """Whether a value of a checkpoint has the keys of `like`, with values of the same kinds where those say it."""
    if not isinstance(found, dict) or found.keys() != like.keys():
        return False
    kinds = {bool: bool, int: int, float: (int, float), dict: dict}
    return all(isinstance(found[key], kinds[type(value)]) for key, value in like.items() if type(value) in kinds)
