"""How much of each suite is in the store, for `jpt reproduce ls`: cells are planned once, and remembered after that.

Planning a cell composes its configuration, which takes much longer than to look for the artifacts that it needs.
"""

from __future__ import annotations

import hashlib
import json
import os
import sysconfig
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
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
from jptransfer.suites.planning import CellPlan, Choice, Compose, cell_names, cell_overrides, plan_suite

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
    """How many of a suite's cells there are, are in the store, and cannot be run."""

    cells: int
    cached: int
    blocked: int


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

    def __init__(self, store: Store, scale: str, places: Sequence[str], make_compose: Callable[[], Compose]) -> None:
        """Take the store, the scale, where things lie, and what makes the composer if a cell has to be planned.

        Raises:
            ConfigError: no suite has this scale.
        """
        self._store, self._choice, self._make_compose = store, Choice(scale, places=places), make_compose
        self._compose: Compose | None = None
        self._there = {(folder.parent.name, folder.name[-SHORT:]) for folder in store.folders()}
        self._file = store.outputs / "cache" / f"cells-{_digest([scale, list(places), str(Path.cwd())])[:SHORT]}.json"
        self._world = surroundings()
        self._cells, outlines = self._read()
        self.outlines = outlines or [self._outline(suite) for suite in library.at_scale(scale)]
        self._learned = not outlines

    def of(self, outline: Outline) -> SuiteState:
        """Return the state of a suite."""
        names, keys = list(outline.cells), outline.cells
        if self._choice.scale == SHIPPED and outline.kind not in {kind for kind, _ in self._there}:
            return SuiteState(len(names), 0, 0)
        if new := [name for name in names if not self._holds(keys[name])]:
            self._plan(outline, new)
        targets = [self._cells[key]["targets"] for key in keys.values()]
        return SuiteState(len(names), sum(map(self._is_there, targets)), targets.count([]))

    def save(self) -> None:
        """Write what was learned; a store that cannot be written does without."""
        if not self._learned:
            return
        kept = {key: entry for key, entry in self._cells.items() if entry["watched"] is not None}
        whole = {"world": self._world, "cells": kept, "suites": [asdict(one) for one in self.outlines]}
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

    def _outline(self, suite: Suite) -> Outline:
        config, scale = suite.config, self._choice.scale
        seeds = list(config.scales[scale].seeds)
        cells = {f"{row}/{column}": _digest([cell_overrides(suite, row, column, scale), seeds, config.cells])
                 for row, column in cell_names(suite)}
        return Outline(suite.name, config.title, CELLS.load(config.cells).kind, cells)

    def _holds(self, key: str) -> bool:
        """Whether what is remembered of a cell follows from files that are as they were."""
        entry = self._cells.get(key)
        return entry is not None and all(stamp(Path(name)) == mark for name, mark in (entry["watched"] or {}).items())

    def _plan(self, outline: Outline, cells: Sequence[str]) -> None:
        """Plan cells and remember their targets; those that cannot be run have none."""
        self._compose = self._compose or self._make_compose()
        (suite,) = library.find(outline.name)
        for cell in plan_suite(suite, replace(self._choice, cells=cells), self._compose, self._store).cells:
            self._cells[outline.cells[cell.name]] = {
                "targets": [[node.kind, node.fingerprint] for node in cell.targets.values()],
                "watched": self._watched(cell)}
        self._learned = True

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
