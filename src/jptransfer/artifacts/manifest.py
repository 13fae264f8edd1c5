"""The manifest: everything that is known of an artifact. It is written last; an artifact exists if it parses."""

from __future__ import annotations

import dataclasses
import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from jptransfer.artifacts.fingerprint import SHORT
from jptransfer.errors import ArtifactError
from jptransfer.files import json_text

FILE = "manifest.json"
SCRATCH = ".work"
"""Folder in a work folder that survives interruptions and never becomes part of an artifact."""
SCHEMA = 1


@dataclass(frozen=True)
class Manifest:
    """What an artifact is, what it was made from and by what.

    Attributes:
        kind: corpus, dataset, tokenizer, encoded, language_model, task_model, evaluation or report.
        recipe: ``{stage, version, config, inputs: {role: fingerprint or digest}}``; its hash is `fingerprint`.
        inputs: role -> ``{kind, name, fingerprint}`` of artifacts, or ``{kind: "file" | "hub" | ..., digest}``.
        files: relative name -> ``{size, sha256}``.
        summary: ``{headline, values}`` of the stage.
        provenance: git commit, source digest, versions, device, overrides; never user or host names.
    """

    kind: str
    name: str
    fingerprint: str
    recipe: dict[str, Any]
    inputs: dict[str, dict[str, str]] = field(default_factory=dict)
    files: dict[str, dict[str, Any]] = field(default_factory=dict)
    summary: dict[str, Any] = field(default_factory=dict)
    seconds: float = 0.0
    provenance: dict[str, Any] = field(default_factory=dict)
    schema: int = SCHEMA

    @property
    def id(self) -> str:
        """The short id that names the folder."""
        return self.fingerprint[:SHORT]

    @property
    def stage(self) -> str:
        """The stage that made it."""
        return self.recipe["stage"]

    def write(self, folder: Path) -> None:
        """Write ``manifest.json`` atomically and durably."""
        temporary = folder / f".{FILE}"
        with temporary.open("w", encoding="utf-8") as stream:
            stream.write(json_text(dataclasses.asdict(self), indent=1, sort_keys=True))
            stream.flush()
            os.fsync(stream.fileno())
        temporary.replace(folder / FILE)

    @classmethod
    def read(cls, folder: Path) -> Manifest:
        """Read a folder's manifest.

        Raises:
            ArtifactError: there is none, or it is not one of ours.
        """
        try:
            data = json.loads((folder / FILE).read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise ArtifactError(f"{folder} is not an artifact: it has no {FILE}") from None
        except (OSError, ValueError) as error:
            raise ArtifactError(f"{folder / FILE} does not parse: {error}") from None
        if not isinstance(data, dict):
            raise ArtifactError(f"{folder / FILE} is no manifest: it holds no JSON object")
        if data.get("schema") != SCHEMA:
            raise ArtifactError(f"{folder / FILE} has schema {data.get('schema')}, this version reads {SCHEMA}")
        if data.keys() != {f.name for f in dataclasses.fields(cls)} or "stage" not in (data["recipe"] or ()):
            raise ArtifactError(f"{folder / FILE} is no manifest: it lacks fields or has others")
        return cls(**data)
