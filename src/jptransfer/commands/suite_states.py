"""How much of each suite is in the store, for `jpt reproduce ls`, as far as its cells were planned here before.

Planning a cell composes its configuration, which takes much longer than to look for the artifacts that it needs. So
`jpt reproduce SUITE`, also with `dry_run=true`, writes down what its cells need, and the list reads it.
"""

from __future__ import annotations

import hashlib
import json
import os
import sysconfig
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from jptransfer.artifacts import Store
from jptransfer.artifacts.fingerprint import SHORT, externals
from jptransfer.files import json_text, new_file
from jptransfer.pipeline import MissingFileError, Plan, PretrainedRef, make_plan
from jptransfer.registry import CELLS
from jptransfer.resources import PACKAGE, resource
from jptransfer.suites import library
from jptransfer.suites.library import Suite
from jptransfer.suites.planning import CellPlan, SuitePlan, cell_names, cell_overrides

OWN = "JPT_"
"""What the environment variables begin with that configurations and plugins read."""
PLACES = ("HOME", "PYTHONPATH")
"""Further variables that an answer follows from: where `~` is, and which plugins can be imported."""
Stamp = list[int] | None
"""Size, time of change and inode of a file or folder; None: it is not there."""
SHIPPED = "toy"
"""Scale at which no cell of a shipped suite needs official files, and none is blocked."""


@dataclass(frozen=True)
class SuiteState:
    """How many of a suite's cells there are, are in the store, cannot be run, and were not checked.

    A cell is not checked if it was not planned here since something changed that its artifacts follow from.
    """

    cells: int
    cached: int
    blocked: int
    unchecked: int = 0


@dataclass(frozen=True)
class Outline:
    """What a list says of a suite besides its state.

    Attributes:
        kind: of the artifacts that its cells need.
        cells: name of a cell -> key of what is remembered of it.
    """

    name: str
    title: str
    kind: str
    cells: dict[str, str]


class SuiteStates:
    """The states of the shipped suites in one store, at one scale."""

    def __init__(self, store: Store, scale: str, places: Sequence[str]) -> None:
        """Take the store, the scale, and overrides with paths of this machine."""
        self._store, self._scale = store, scale
        self._file = store.outputs / "cache" / f"cells-{_digest([scale, list(places), str(Path.cwd())])[:SHORT]}.json"
        self._world = surroundings()
        self._cells, self._outlines = self._read()

    def outlines(self) -> list[Outline]:
        """Return the suites that have this scale.

        Raises:
            ConfigError: no suite has it.
        """
        if not self._outlines:
            self._outlines = [Outline(suite.name, suite.config.title, CELLS.load(suite.config.cells).kind,
                                      {f"{row}/{column}": self._key(suite, row, column)
                                       for row, column in cell_names(suite)})
                              for suite in library.at_scale(self._scale)]
            self._save()
        return self._outlines

    def of(self, outline: Outline) -> SuiteState:
        """Return the state of a suite."""
        if self._scale == SHIPPED and outline.kind not in {kind for kind, _ in self._there}:
            return SuiteState(len(outline.cells), 0, 0)
        known = [self._cells[key]["targets"] for key in outline.cells.values() if self._holds(key)]
        return SuiteState(len(outline.cells), sum(map(self._is_there, known)), known.count([]),
                          len(outline.cells) - len(known))

    def remember(self, plans: Iterable[SuitePlan]) -> None:
        """Write down what cells need that were planned as their suites say, without changes from the command line."""
        for planned in plans:
            for cell in planned.cells:
                if (watched := self._watched(cell)) is not None:
                    self._cells[self._key(planned.suite, cell.row, cell.column)] = {
                        "targets": [[node.kind, node.fingerprint] for node in cell.targets.values()],
                        "watched": watched}
        self._save()

    @cached_property
    def _there(self) -> set[tuple[str, str]]:
        return {(folder.parent.name, folder.name[-SHORT:]) for folder in self._store.folders()}

    def _key(self, suite: Suite, row: str, column: str) -> str:
        config = suite.config
        return _digest([cell_overrides(suite, row, column, self._scale), list(config.scales[self._scale].seeds),
                        config.cells])

    def _save(self) -> None:
        """Write what is known; a store that cannot be written does without."""
        whole = {"world": self._world, "cells": self._cells, "suites": [asdict(one) for one in self._outlines]}
        with suppress(OSError), new_file(self._file) as stream:
            stream.write(json_text(whole))

    def _read(self) -> tuple[dict[str, dict[str, Any]], list[Outline]]:
        """Return what is remembered of cells and suites; nothing if any of it is damaged or may be out of date."""
        try:
            kept = json.loads(self._file.read_text(encoding="utf-8"))
            outlines = [Outline(**one) for one in kept["suites"]]
            fits = kept["world"] == self._world and all(
                isinstance(entry["targets"], list) and isinstance(entry["watched"], dict)
                for entry in kept["cells"].values()) and all(isinstance(one.cells, dict) for one in outlines)
        except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
            return {}, []
        return (kept["cells"], outlines) if fits else ({}, [])

    def _holds(self, key: str) -> bool:
        """Whether a cell is remembered, and the files that its artifacts follow from are as they were."""
        entry = self._cells.get(key)
        return entry is not None and all(stamp(Path(name)) == mark for name, mark in entry["watched"].items())

    def _watched(self, cell: CellPlan) -> dict[str, Stamp] | None:
        """Return the files that a cell's targets follow from, as they are; None: it is not remembered."""
        found: list[Path] | None = None
        if isinstance(cell.problem, MissingFileError):
            patterns = any(sign in path for path in cell.problem.paths for sign in "*?[")
            found = None if patterns else [Path(path) for path in cell.problem.paths]
        elif not cell.problem:
            found = watched_by(make_plan(list(cell.targets.values()), self._store))
        return None if found is None else {str(path.absolute()): stamp(path) for path in found}

    def _is_there(self, targets: Sequence[Sequence[str]]) -> bool:
        return bool(targets) and all((kind, fingerprint[:SHORT]) in self._there and self._store.find(fingerprint, kind)
                                     for kind, fingerprint in targets)


def _digest(value: Any) -> str:
    return hashlib.sha256(json_text(value).encode("utf-8", "surrogateescape")).hexdigest()


def surroundings() -> str:
    """Return a digest of what every answer follows from: environment, installed packages, source, configurations."""
    environment = {name: value for name, value in os.environ.items() if name.startswith(OWN) or name in PLACES}
    packages = stamp(Path(sysconfig.get_path("purelib")))
    sources = [[str(path), stamp(path)] for root in (PACKAGE, resource("configs")) for path in files_below(root)
               if path.suffix in (".py", ".yaml")]
    whole = json_text([environment, packages, sources], sort_keys=True, ensure_ascii=True)
    return hashlib.sha256(whole.encode("utf-8", "surrogateescape")).hexdigest()


def watched_by(plan: Plan) -> list[Path] | None:
    """Return all files and folders that a plan follows from; None: it follows from more than files.

    Models of a hub and references to artifacts may mean something else tomorrow without any file having changed.
    """
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
