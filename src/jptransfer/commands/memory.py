"""What a finished command printed, so that the same command on the same files answers without Hydra.

Composing a configuration takes most of the time of a command that has nothing to build. A memory is valid only while
all that the answer followed from is as it was: the words, the folder and the environment of the command, the package's
source and configurations, the installed packages, every raw file, and the files of the artifacts that it names.
"""

from __future__ import annotations

import hashlib
import os
import sysconfig
from collections.abc import Iterable, Iterator
from contextlib import suppress
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jptransfer.caches import read_cache
from jptransfer.errors import JptError
from jptransfer.files import json_text
from jptransfer.resources import PACKAGE, resource

if TYPE_CHECKING:
    from jptransfer.pipeline import Plan

PASSING = ("_", "SHLVL", "PWD", "OLDPWD", "COLUMNS", "LINES")
"""Environment variables that change from call to call and mean nothing to a command."""
Stamp = list[int] | None
"""Size, time of change and inode of a file or folder; None: it is not there."""


@dataclass(frozen=True)
class Memory:
    """The place of one command's memory."""

    path: Path

    def recall(self) -> str | None:
        """Return what the command printed, if it would print the same now."""
        kept = read_cache(self.path, _is_memory)
        same = kept and all(stamp(Path(name)) == mark for name, mark in kept["watched"].items())
        return kept["printed"] if same else None

    def keep(self, printed: str, watched: Iterable[Path]) -> None:
        """Remember what was printed for as long as the `watched` files and folders stay as they are."""
        from jptransfer.files import new_file  # a command that is remembered needs none of it

        marks = {str(path.absolute()): stamp(path) for path in watched}
        # A store of someone else's cannot be written: the command is composed again next time.
        with suppress(OSError, JptError), new_file(self.path) as stream:
            stream.write(json_text({"printed": printed, "watched": marks}))


def _is_memory(kept: Any) -> bool:
    return (isinstance(kept, dict) and isinstance(kept.get("printed"), str) and isinstance(kept.get("watched"), dict)
            and not any("\0" in name for name in kept["watched"]))


current: ContextVar[Memory | None] = ContextVar("current", default=None)
"""The memory of the command that is running, if it may have one."""


def memory_of(words: list[str]) -> Memory | None:
    """Return the memory of a command; None for one with options, such as a sweep or another folder of choices."""
    if any(word.startswith("-") for word in words):
        return None
    whole = json_text([words, str(Path.cwd()), surroundings()], sort_keys=True, ensure_ascii=True)
    name = hashlib.sha256(whole.encode("utf-8", "surrogateescape")).hexdigest()[:24]
    return Memory(outputs_of(words) / "cache" / "commands" / f"{name}.json")


def surroundings() -> str:
    """Return a digest of what every answer follows from: environment, installed packages, source, configurations."""
    environment = {name: value for name, value in os.environ.items() if name not in PASSING}
    packages = stamp(Path(sysconfig.get_path("purelib")))
    sources = [[str(path), stamp(path)] for root in (PACKAGE, resource("configs")) for path in files_below(root)
               if path.suffix in (".py", ".yaml")]
    whole = json_text([environment, packages, sources], sort_keys=True, ensure_ascii=True)
    return hashlib.sha256(whole.encode("utf-8", "surrogateescape")).hexdigest()


def outputs_of(words: list[str]) -> Path:
    """Return the outputs folder as far as the command line and the environment say."""
    given = [word.partition("=")[2] for word in words if word.startswith("outputs_root=")]
    return Path(given[-1] if given else os.environ.get("JPT_OUTPUTS") or "outputs")


def watched_by(plan: Plan) -> list[Path] | None:
    """Return all files and folders that a plan follows from; None: it follows from more than files.

    Models of a hub and references to artifacts may mean something else tomorrow without any file having changed.
    """
    from jptransfer.artifacts.fingerprint import externals
    from jptransfer.pipeline.graph import PretrainedRef

    found: list[Path] = []
    for step in plan.steps:
        if any(isinstance(source, PretrainedRef) for source in step.node.inputs.values()):
            return None
        for place in externals(step.node.config):
            digest = step.node.externals.get(place.where, "")
            if digest.startswith("package:"):
                continue
            if not digest.startswith(("sha256:", "missing")) or any(sign in place.value for sign in "*?["):
                return None
            found += [Path(place.value), *files_below(Path(place.value))]
    return found


def files_below(folder: Path) -> Iterator[Path]:
    """Yield the files and folders below a folder; nothing below a file."""
    if not folder.is_dir():
        return
    with os.scandir(folder) as entries:
        for entry in sorted(entries, key=lambda one: one.name):
            if entry.name == "__pycache__":
                continue
            yield Path(entry.path)
            if entry.is_dir(follow_symlinks=True):
                yield from files_below(Path(entry.path))


def stamp(path: Path) -> Stamp:
    """Return what changes when a file or folder does."""
    try:
        found = path.stat()
    except OSError:
        return None
    return [found.st_size, found.st_mtime_ns, found.st_ino]
