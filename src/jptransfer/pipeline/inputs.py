"""What a stage reads: checked before it begins, and again before its result is published."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from jptransfer.artifacts import Artifact, Store
from jptransfer.artifacts.fingerprint import External
from jptransfer.errors import ArtifactError, DataError, JptError
from jptransfer.pipeline.external_inputs import changed_locations, digest_location
from jptransfer.pipeline.graph import PretrainedRef, StageNode

AGAIN = "nothing was published; give the same command again once it stays as it is"


@dataclass(frozen=True)
class Sources:
    """The inputs of a node: artifacts that were made or found, references, and places outside of the store."""

    node: StageNode
    made: Mapping[str, Artifact | None]
    store: Store

    def folders(self) -> dict[str, Path]:
        """Return the folder of each input by role.

        Raises:
            ArtifactError: one was not built.
        """
        return {role: source.folder() if isinstance(source, PretrainedRef) else self._artifact(source).path
                for role, source in self.node.inputs.items()}

    def check(self, work: Path | None = None) -> None:
        """Check that every input is sound and what the plan took it for; files that did not change are not read.

        Args:
            work: the stage has run in this folder: what it left from changed sources is removed.

        Raises:
            ArtifactError: an artifact is damaged or gone.
            DataError: a file or folder has changed since the plan was made.
        """
        for source in self.node.inputs.values():
            self._check_input(source)
        for where in changed_locations(self.node, self.store):
            self._refuse(where, work)

    def explain(self, error: Exception, work: Path) -> None:
        """Raise the error that a damaged, changed or removed input is, if there is one, in place of what came of it."""
        if isinstance(error, JptError):
            return
        try:
            self.check(work)
        except JptError as cause:
            raise cause from error

    def _artifact(self, node: StageNode) -> Artifact:
        artifact = self.made.get(node.fingerprint)
        if artifact is None:
            raise ArtifactError(f"{node.stage} {node.name}-{node.id} is needed but was not built")
        return artifact

    def _check_input(self, source: StageNode | PretrainedRef) -> None:
        if isinstance(source, StageNode):
            self.store.check(self._artifact(source))
        elif source.kind == "folder":
            folder = Path(source.location)
            there = folder.is_dir()
            found = digest_location(External("", True, source.location, None), self.store) if there else ""
            if found != source.fingerprint:
                raise DataError(f"the folder {folder} {'has changed' if there else 'is gone'} since this run was "
                                f"planned; {AGAIN}")
        elif source.kind in ("language_model", "task_model"):
            self.store.check(self.store.open(Path(source.location)))

    def _refuse(self, where: str, work: Path | None) -> None:
        if work:
            shutil.rmtree(work, ignore_errors=True)  # else it would be gone on from when the old content is back
        raise DataError(f"{where} has changed {'while it was read' if work else 'since this run was planned'}; {AGAIN}")


def check_references(nodes: Iterable[StageNode]) -> None:
    """Check the folders that nodes take models from, before anything is built.

    Raises:
        DataError: one of them is damaged; the message names the file.
    """
    for folder in dict.fromkeys(source.location for node in nodes for source in node.inputs.values()
                                if isinstance(source, PretrainedRef) and source.kind == "folder"):
        _check_model(Path(folder))


def _check_model(folder: Path) -> None:
    from jptransfer.learners.prediction import TASK_MODEL, read_settings
    from jptransfer.models.folders import check_folder
    from jptransfer.tasks.base import make_task
    from jptransfer.text.base import read_object

    if not (folder / TASK_MODEL).is_file():
        check_folder(folder)
        return
    settings = read_settings(folder)
    if settings["learner"] != "encoder":
        return
    check_folder(folder, ours=True)
    outputs = make_task(settings["kind"], settings["labels"]).outputs
    names = read_object(folder / "config.json").get("id2label")
    if isinstance(names, dict) and names != {str(number): name for number, name in enumerate(outputs)}:
        raise DataError(f"{folder}: {TASK_MODEL} has the outputs {', '.join(outputs)}, and config.json has "
                        f"{', '.join(map(str, names.values()))}; they do not belong together")
