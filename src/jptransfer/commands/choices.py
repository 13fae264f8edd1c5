"""The choices of configuration groups: shipped ones and those of a user's own folders, with what their files say."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from jptransfer.resources import resource

HIDDEN = ("hydra", "suites")
"""Folders of the shipped configurations that are not groups of an experiment."""
SENTENCE_END = re.compile(r"(?<=[.!?])(?<! al\.)(?<!\b[A-Z]\.)\s+(?=[A-Z])")


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
