"""Resumable checkpoints: one file, replaced atomically, so that a kill at any moment leaves the last good one."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import torch

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
    """Read what `save_atomically` wrote, onto the CPU; nothing but tensors and plain values is unpickled."""
    return torch.load(path, map_location="cpu", weights_only=True)
