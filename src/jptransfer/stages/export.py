"""Write a tokenizer, language model or task model as a folder that plain transformers loads: what `jpt export` does."""

from __future__ import annotations

from pathlib import Path


def export(folder: Path, to: Path) -> None:
    """Write the artifact in `folder` to the new folder `to`."""
    raise NotImplementedError
