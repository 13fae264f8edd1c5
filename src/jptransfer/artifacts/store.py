"""Where artifacts live: finding, locking, publishing, checking and removing them.

Layout under the outputs folder: ``artifacts/<kind>/<name>-<12 hex>/`` (complete, never changed),
``work/<12 hex>/`` (being built, under a lock that dies with its process) and ``cache/`` (file digests).
"""

from __future__ import annotations

import fcntl
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from jptransfer.artifacts.digests import DigestCache, sha256_file
from jptransfer.artifacts.exchange import transfer
from jptransfer.artifacts.fingerprint import SHORT, fingerprint
from jptransfer.artifacts.manifest import FILE, SCRATCH, Manifest
from jptransfer.errors import ArtifactError, nearest


@dataclass(frozen=True)
class Artifact:
    """A complete artifact: its folder and manifest."""

    path: Path
    manifest: Manifest

    @property
    def id(self) -> str:
        """Short id."""
        return self.manifest.id

    @property
    def label(self) -> str:
        """Kind and folder name, as people refer to it."""
        return f"{self.manifest.kind}/{self.path.name}"


class Store:
    """The artifacts below one outputs folder."""

    def __init__(self, outputs: Path | str) -> None:
        self.outputs = Path(outputs)
        self.artifacts = self.outputs / "artifacts"
        self.work = self.outputs / "work"
        self.digests = DigestCache(self.outputs / "cache" / "digests.json")

    def folders(self, kind: str = "") -> Iterator[Path]:
        """Yield the folders of complete artifacts, by kind and name."""
        for manifest in sorted(self.artifacts.glob(f"{kind or '*'}/*/{FILE}")):
            yield manifest.parent

    def all(self, kind: str = "") -> list[Artifact]:
        """Return every complete artifact (of one kind); folders whose manifest does not parse are passed over."""
        found = []
        for folder in self.folders(kind):
            try:
                found.append(Artifact(folder, Manifest.read(folder)))
            except ArtifactError:
                continue
        return found

    def find(self, fingerprint: str, kind: str = "*") -> Artifact | None:
        """Return the artifact with this whole fingerprint, or None."""
        for folder in self.artifacts.glob(f"{kind}/*-{fingerprint[:SHORT]}"):
            try:
                manifest = Manifest.read(folder)
            except ArtifactError:
                continue
            if manifest.fingerprint == fingerprint:
                return Artifact(folder, manifest)
        return None

    def resolve(self, reference: str, kinds: Sequence[str] = (), words: Sequence[str] = ()) -> Artifact:
        """Return the artifact meant by an id, whole or the start of one, a folder name, ``kind/name-id`` or a path.

        Args:
            kinds: those wanted; an artifact of another kind is meant only if none of these is.
            words: what else could have been meant, for the message.

        Raises:
            ArtifactError: none or several match; the message names the nearest.
        """
        if (Path(reference) / FILE).is_file():
            return Artifact(Path(reference), Manifest.read(Path(reference)))
        wanted = reference.rsplit("/", 1)[-1]
        everything = list(self.folders())
        hits = [f for f in everything if f.name == wanted or f.name[-SHORT:].startswith(wanted)]
        hits = [f for f in hits if f.parent.name in kinds] or hits
        if len(wanted) > SHORT and not hits:
            hits = [a.path for a in self.all() if a.manifest.fingerprint.startswith(wanted)]
        names = [f.name for f in everything if not kinds or f.parent.name in kinds]
        if len(hits) == 1:
            return Artifact(hits[0], Manifest.read(hits[0]))
        if hits:
            raise ArtifactError(f"'{reference}' is ambiguous: {', '.join(f.name for f in hits[:5])}")
        raise ArtifactError(f"no artifact '{reference}' in {self.artifacts}{nearest(wanted, [*words, *names])}")

    @contextmanager
    def lock(self, fingerprint: str, waiting: Callable[[], None]) -> Iterator[Path]:
        """Hold the work folder of an identity; `waiting` is called once if another process has it."""
        self.work.mkdir(parents=True, exist_ok=True)
        short = fingerprint[:SHORT]
        with (self.work / f"{short}.lock").open("w") as handle:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                waiting()
                fcntl.flock(handle, fcntl.LOCK_EX)
            yield self.work / short

    def publish(self, work: Path, manifest: Manifest) -> Artifact:
        """Write the manifest, last of all files, and move the work folder into its place."""
        manifest.write(work)
        shutil.rmtree(work / SCRATCH, ignore_errors=True)
        return Artifact(self.place(work, manifest), manifest)

    def finish(self, work: Path, kind: str, name: str, fingerprint: str) -> Artifact | None:
        """Publish a work folder whose process was killed after it had written the manifest; None for any other.

        The artifact gets the `name` of the run that asks, whatever that of the killed run was.
        """
        try:
            manifest = Manifest.read(work)
        except ArtifactError:
            return None
        if (manifest.kind, manifest.fingerprint) != (kind, fingerprint) or work.is_symlink():
            return None
        return self.publish(work, replace(manifest, name=name))

    def place(self, complete: Path, manifest: Manifest) -> Path:
        """Move a complete folder to where its artifact belongs, over the remains of one that has no manifest."""
        target = self.artifacts / manifest.kind / f"{manifest.name}-{manifest.id}"
        target.parent.mkdir(parents=True, exist_ok=True)
        if target.is_symlink():
            target.unlink()
        elif target.exists():
            shutil.rmtree(target)
        return complete.rename(target)

    def dependents(self, artifact: Artifact) -> list[Artifact]:
        """Return the artifacts made directly from this one."""
        mine = artifact.manifest.fingerprint
        return [other for other in self.all()
                if any(entry.get("fingerprint") == mine for entry in other.manifest.inputs.values())]

    def lineage(self, artifact: Artifact) -> list[tuple[int, str, Artifact | dict]]:
        """Return what an artifact was made from as (depth, role, artifact or record of an input that is not here)."""
        rows: list[tuple[int, str, Artifact | dict]] = []

        def visit(current: Artifact, depth: int) -> None:
            for role, entry in sorted(current.manifest.inputs.items()):
                found = self.find(entry["fingerprint"], entry.get("kind", "*")) if "fingerprint" in entry else None
                rows.append((depth, role, found or entry))
                if found:
                    visit(found, depth + 1)

        visit(artifact, 1)
        return rows

    def verify(self, artifact: Artifact) -> list[str]:
        """Return what is wrong with an artifact: a changed recipe, files that are missing, changed or unknown."""
        recorded = artifact.manifest.files
        present = {str(p.relative_to(artifact.path)) for p in artifact.path.rglob("*") if p.is_file()} - {FILE}
        sound = fingerprint(artifact.manifest.recipe) == artifact.manifest.fingerprint
        problems = [] if sound else [f"{FILE}: recipe and fingerprint do not match"]
        problems += [f"{name}: missing" for name in recorded if name not in present]
        problems += [f"{name}: not in the manifest" for name in sorted(present - recorded.keys())]
        problems += [f"{name}: bytes differ from the manifest" for name in sorted(present & recorded.keys())
                     if sha256_file(artifact.path / name) != recorded[name]["sha256"]]
        return problems

    def remove(self, artifact: Artifact) -> None:
        """Delete an artifact.

        Raises:
            ArtifactError: other artifacts were made from it; the message names them.
        """
        needed = self.dependents(artifact)
        if needed:
            names = ", ".join(other.label for other in needed[:5])
            raise ArtifactError(f"{artifact.label} is still needed by {names}; remove those first")
        self.delete(artifact.path)

    def delete(self, folder: Path) -> None:
        """Delete the folder of an artifact of this store, its manifest first; of a symbolic link only the link.

        Raises:
            ArtifactError: the folder is not in this store.
        """
        root = folder.absolute().parent.parent
        if not (self.artifacts.is_dir() and root.is_dir() and root.samefile(self.artifacts)):
            raise ArtifactError(f"{folder} is not in the store {self.artifacts} and is not removed")
        if folder.is_symlink():
            folder.unlink()
            return
        (folder / FILE).unlink()
        shutil.rmtree(folder)

    def copy(self, artifact: Artifact, root: Path) -> Path:
        """Copy an artifact into another store's outputs folder (`root`); complete or not at all."""
        return transfer(artifact, Store(root))


def recorded_files(folder: Path) -> dict[str, dict[str, object]]:
    """Return ``{relative name: {size, sha256}}`` of every file below a folder but those in `SCRATCH`."""
    files = sorted(p for p in folder.rglob("*") if p.is_file() and SCRATCH not in p.relative_to(folder).parts)
    return {str(p.relative_to(folder)): {"size": p.stat().st_size, "sha256": sha256_file(p)} for p in files}
