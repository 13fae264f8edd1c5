"""The manifest: everything that is known of an artifact. It is written last; an artifact exists if it parses."""

from __future__ import annotations

import dataclasses
import errno
import hashlib
import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from jptransfer.artifacts.fingerprint import SHORT, fingerprint
from jptransfer.artifacts.form import first_error, is_deep
from jptransfer.errors import ArtifactError, DataError, reason
from jptransfer.files import json_text, open_regular

FILE = "manifest.json"
SCRATCH = ".work"
"""Folder in a work folder that survives interruptions and never becomes part of an artifact."""
SCHEMA = 1
LARGEST = 64 << 20
"""Bytes of a manifest that are read; one of 100,000 files has 12 MiB."""


@dataclass(frozen=True)
class Manifest:
    """What an artifact is, what it was made from and by what.

    Attributes:
        kind: what its stage makes: corpus, dataset, tokenizer, encoded, language_model, task_model, ...
        recipe: ``{stage, version, config, inputs: {role: fingerprint or digest}}``; its hash is `fingerprint`.
        inputs: role -> ``{kind, name, fingerprint}`` of artifacts, or ``{kind: "file" | "hub" | ..., digest}``.
        files: relative name -> ``{size, sha256}``.
        summary: ``{headline, values}`` of the stage.
        provenance: git commit, source digest, versions, device, overrides; never user or host names.
        seal: sha256 of everything else, written with the file; empty in manifests of before there was one.
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
    seal: str = field(default="", compare=False)

    @property
    def id(self) -> str:
        """The short id that names the folder."""
        return self.fingerprint[:SHORT]

    @property
    def stage(self) -> str:
        """The stage that made it."""
        return self.recipe["stage"]

    @property
    def is_sound(self) -> bool:
        """Whether the fingerprint is that of the recipe."""
        try:
            return fingerprint(self.recipe) == self.fingerprint
        except (TypeError, ValueError):  # NaN has no canonical form
            return False

    @property
    def is_untouched(self) -> bool:
        """Whether it is as it was written, as far as it says."""
        try:
            return not self.seal or self.seal == _seal(dataclasses.asdict(self))
        except DataError:  # a number that is not finite
            return False

    def write(self, folder: Path) -> None:
        """Write ``manifest.json`` atomically and durably."""
        temporary = folder / f".{FILE}"
        with temporary.open("w", encoding="utf-8") as stream:
            data = dataclasses.asdict(self)
            stream.write(json_text(data | {"seal": _seal(data)}, indent=1, sort_keys=True))
            stream.flush()
            os.fsync(stream.fileno())
        temporary.replace(folder / FILE)

    @classmethod
    def read(cls, folder: Path) -> Manifest:
        """Read a folder's manifest.

        Raises:
            ArtifactError: there is none, or its form is not that of a manifest.
        """
        try:
            with open_regular(folder / FILE) as stream:
                read = stream.read(LARGEST + 1)
            if len(read) > LARGEST:
                raise ArtifactError(f"{folder / FILE} is damaged: it is larger than {LARGEST >> 20} MiB")
            text = read.decode()
            data = json.loads(text)
            if "\\ud" in text.lower():
                json.dumps(data, ensure_ascii=False).encode()  # half of a surrogate pair could not be printed
        except FileNotFoundError:
            raise ArtifactError(f"{folder} is not an artifact: it has no {FILE}") from None
        except (OSError, ValueError, RecursionError) as error:
            if getattr(error, "errno", None) in (errno.ELOOP, errno.ENXIO):
                raise ArtifactError(f"{folder / FILE} is damaged: it is not a regular file") from None
            raise ArtifactError(f"{folder / FILE} does not parse: "
                                f"{getattr(error, 'strerror', None) or reason(error)}") from None
        if not isinstance(data, dict):
            raise ArtifactError(f"{folder / FILE} is no manifest: it holds no JSON object")
        if data.get("schema") != SCHEMA or isinstance(data["schema"], bool):
            said = json.dumps(data.get("schema"), ensure_ascii=False)[:40] if not is_deep(data) else "unknown"
            raise ArtifactError(f"{folder / FILE} has schema {said}, this version reads {SCHEMA}")
        data = dict[str, Any]({"seal": ""} | data)
        if data.keys() != {f.name for f in dataclasses.fields(cls)}:
            raise ArtifactError(f"{folder / FILE} is no manifest: it lacks fields or has others")
        if what := first_error(data):
            raise ArtifactError(f"{folder / FILE} is damaged: {what}")
        return cls(**data)


def _seal(data: dict[str, Any]) -> str:
    """Return the sha256 of a manifest's fields but the seal, as they are once they were written and read."""
    read = json.loads(json_text({key: value for key, value in data.items() if key != "seal"}))
    return hashlib.sha256(json_text(read, sort_keys=True).encode()).hexdigest()
