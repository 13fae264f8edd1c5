"""What a report is made from: the runs it compares and every artifact behind them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from jptransfer.artifacts import Manifest
from jptransfer.errors import ConfigError

EVALUATION = "evaluation"


@dataclass(frozen=True)
class Source:
    """An artifact: its folder and manifest."""

    folder: Path
    manifest: Manifest

    @property
    def fingerprint(self) -> str:
        """64 hex digits."""
        return self.manifest.fingerprint

    def json(self, name: str) -> dict[str, Any]:
        """Return a JSON file of the artifact; an empty dict if it has none of this name."""
        path = self.folder / name
        return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}

    def records(self, name: str = "history.jsonl") -> list[dict[str, Any]]:
        """Return the records of a JSON Lines file, none if there is no such file."""
        path = self.folder / name
        lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
        return [json.loads(line) for line in lines if line.strip()]


@dataclass(frozen=True)
class Run:
    """One row and seed of the report, with its evaluation."""

    row: str
    seed: int
    evaluation: Source


@dataclass(frozen=True)
class Sources:
    """Runs in the order of rows and seeds, and all artifacts by fingerprint, inputs before what is made of them."""

    runs: list[Run]
    artifacts: dict[str, Source]

    @classmethod
    def read(cls, inputs: Mapping[str, Path], rows: list[str], names: Mapping[str, str] | None = None) -> Sources:
        """Read the manifests of a report's inputs (roles ``evaluation:<row>:<seed>`` and ``<kind>:<12 hex>``).

        Args:
            names: fingerprint -> what this report calls an artifact; others keep the names that they were made under.
        """
        runs, found = [], {}
        for role, folder in inputs.items():
            kind, _, rest = role.partition(":")
            manifest = Manifest.read(folder)
            source = Source(folder, replace(manifest, name=(names or {}).get(manifest.fingerprint, manifest.name)))
            found[source.fingerprint] = source
            if kind == EVALUATION and ":" in rest:
                row, _, seed = rest.rpartition(":")
                runs.append(Run(row, int(seed), source))
        if not runs:
            raise ConfigError("a report needs at least one evaluation")
        runs.sort(key=lambda run: (rows.index(run.row), run.seed))
        return cls(runs, {source.fingerprint: source for source in _inputs_first(found)})

    def inputs(self, source: Source) -> dict[str, Source]:
        """Return the artifacts a source was made from, by role."""
        records = source.manifest.inputs.items()
        return {role: self.artifacts[entry["fingerprint"]] for role, entry in records
                if entry.get("fingerprint") in self.artifacts}

    def behind(self, source: Source) -> Iterator[Source]:
        """Yield everything a source was made from, nearest first, each once, and not itself."""
        queue, seen = list(self.inputs(source).values()), set()
        while queue:
            current = queue.pop(0)
            if current.fingerprint not in seen:
                seen.add(current.fingerprint)
                yield current
                queue += self.inputs(current).values()

    def of_kind(self, kind: str) -> list[Source]:
        """Return all artifacts of a kind."""
        return [source for source in self.artifacts.values() if source.manifest.kind == kind]

    def dataset(self, run: Run) -> Source | None:
        """Return the data set a run was scored on."""
        return self.inputs(run.evaluation).get("dataset")

    def task_model(self, run: Run) -> Source | None:
        """Return the model a run scored."""
        return self.inputs(run.evaluation).get("task_model")

    @cached_property
    def rows(self) -> list[str]:
        """Names of the rows, in order."""
        return list(dict.fromkeys(run.row for run in self.runs))

    @cached_property
    def rows_behind(self) -> dict[str, list[str]]:
        """Fingerprint -> rows that need the artifact, in order."""
        needed: dict[str, dict[str, None]] = {}
        for run in self.runs:
            for source in (run.evaluation, *self.behind(run.evaluation)):
                needed.setdefault(source.fingerprint, {})[run.row] = None
        return {fingerprint: list(rows) for fingerprint, rows in needed.items()}


def _inputs_first(found: Mapping[str, Source]) -> Iterator[Source]:
    done: set[str] = set()

    def visit(fingerprint: str) -> Iterator[Source]:
        if fingerprint in done or fingerprint not in found:
            return
        done.add(fingerprint)
        for _, entry in sorted(found[fingerprint].manifest.inputs.items()):
            yield from visit(entry.get("fingerprint", ""))
        yield found[fingerprint]

    for fingerprint in found:
        yield from visit(fingerprint)
