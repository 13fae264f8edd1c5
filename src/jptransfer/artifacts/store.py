"""Where artifacts live: finding, locking, publishing, checking and removing them.

Layout under the outputs folder: ``artifacts/<kind>/<name>-<12 hex>/`` (complete, never changed),
``work/<12 hex>/`` (being built, under a lock that dies with its process) and ``cache/`` (file digests).
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

from jptransfer.artifacts.digests import DigestCache, sha256_file
from jptransfer.artifacts.exchange import transfer
from jptransfer.artifacts.fingerprint import SHORT
from jptransfer.artifacts.form import is_digest
from jptransfer.artifacts.manifest import FILE, SCRATCH, Manifest
from jptransfer.errors import ArtifactError, nearest
from jptransfer.files import check_readable, open_permissions
from jptransfer.locks import exclusive


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

    def open(self, folder: Path) -> Artifact:
        """Return the artifact in a folder.

        Raises:
            ArtifactError: its manifest is missing or damaged, or belongs to another place in this store.
        """
        manifest = Manifest.read(folder)
        wanted = Path(manifest.kind) / f"{manifest.name}-{manifest.id}"
        if folder.parent.parent == self.artifacts and folder.relative_to(self.artifacts) != wanted:
            raise ArtifactError(f"{folder / FILE} is damaged: it belongs to {wanted}")
        return Artifact(folder, manifest)

    def survey(self, kind: str = "") -> tuple[list[Artifact], list[tuple[Path, str]]]:
        """Return every complete artifact (of one kind), and the folders whose manifest is damaged, with what is wrong.
        """
        found, damaged = [], []
        for folder in self.folders(kind):
            try:
                found.append(self.open(folder))
            except ArtifactError as error:
                damaged.append((folder, str(error)))
        return found, damaged

    def all(self, kind: str = "") -> list[Artifact]:
        """Return every complete artifact (of one kind) whose manifest is not damaged."""
        return self.survey(kind)[0]

    def find(self, fingerprint: str, kind: str = "*") -> Artifact | None:
        """Return the artifact with this whole fingerprint, or None."""
        if not is_digest(fingerprint):
            return None
        for folder in self.artifacts.glob(f"{kind}/*-{fingerprint[:SHORT]}"):
            with suppress(ArtifactError):
                found = self.open(folder)
                if found.manifest.fingerprint == fingerprint:
                    return found
        return None

    def resolve(self, reference: str, kinds: Sequence[str] = (), words: Sequence[str] = ()) -> Artifact:
        """Return the artifact meant by a reference, see `locate`.

        Raises:
            ArtifactError: none or several match, or the manifest of the one that does is damaged.
        """
        return self.open(self.locate(reference, kinds, words))

    def locate(self, reference: str, kinds: Sequence[str] = (), words: Sequence[str] = (),
               folders: Sequence[Path] | None = None) -> Path:
        """Return the folder meant by an id, whole or the start of one, a folder name, ``kind/name-id`` or a path.

        Args:
            kinds: those wanted; an artifact of another kind is meant only if none of these is.
            words: what else could have been meant, for the message.
            folders: those of `folders`, for a caller that looks for several artifacts.

        Raises:
            ArtifactError: none or several match; the message names the nearest.
        """
        if (Path(reference) / FILE).is_file():
            return Path(reference)
        wanted = reference.rsplit("/", 1)[-1]
        everything = list(self.folders()) if folders is None else folders
        hits = [f for f in everything if f.name == wanted or f.name[-SHORT:].startswith(wanted)]
        hits = [f for f in hits if f.parent.name in kinds] or hits
        if len(wanted) > SHORT and not hits:
            hits = [a.path for a in self.all() if a.manifest.fingerprint.startswith(wanted)]
        names = [f.name for f in everything if not kinds or f.parent.name in kinds]
        if len(hits) == 1:
            return hits[0]
        if hits:
            raise ArtifactError(f"'{reference}' is ambiguous: {', '.join(f.name for f in hits[:5])}")
        if "/" in reference and Path(reference).is_dir():
            raise ArtifactError(f"'{reference}' is a folder, but not that of an artifact: it has no {FILE}")
        hidden = "".join(f"; permission denied: '{folder}' cannot be read" for folder in self._unreadable()[:1])
        raise ArtifactError(f"no artifact '{reference}' in {self.artifacts}{nearest(wanted, [*words, *names])}{hidden}")

    def _unreadable(self) -> list[Path]:
        """Return the folders that this user may not look into: the artifacts in them seem not to be there."""
        found = [self.artifacts, *self.artifacts.glob("*"), *self.artifacts.glob("*/*")]
        return [folder for folder in found if folder.is_dir() and not os.access(folder, os.R_OK | os.X_OK)]

    @contextmanager
    def lock(self, fingerprint: str, waiting: Callable[[], None]) -> Iterator[Path]:
        """Hold the work folder of an identity; `waiting` is called once if another process has it."""
        work = self.work / fingerprint[:SHORT]
        place = work.with_suffix(".lock")
        if place.is_dir():
            shutil.rmtree(place)
        with exclusive(place, waiting):
            try:
                yield work
            finally:
                _remove_if_empty(work)

    def publish(self, work: Path, manifest: Manifest) -> Artifact:
        """Write the manifest, last of all files, and move the work folder into its place."""
        manifest.write(work)
        shutil.rmtree(work / SCRATCH, ignore_errors=True)
        open_permissions(work)
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
        if any(_damages(work, manifest, sha256_file)):
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
        placed = complete.rename(target)
        for name, entry in manifest.files.items():  # they were read a moment ago
            self.digests.remember(placed / name, entry["sha256"])
        return placed

    def users(self) -> dict[str, list[Artifact]]:
        """Return the artifacts that were made directly from each fingerprint. Every manifest is read once."""
        found: dict[str, list[Artifact]] = {}
        for other in self.all():
            inputs = {entry["fingerprint"] for entry in other.manifest.inputs.values() if "fingerprint" in entry}
            for one in inputs - {other.manifest.fingerprint}:
                found.setdefault(one, []).append(other)
        return found

    def dependents(self, artifact: Artifact) -> list[Artifact]:
        """Return the artifacts made directly from this one."""
        return self.users().get(artifact.manifest.fingerprint, [])

    def lineage(self, artifact: Artifact) -> list[tuple[int, str, Artifact | dict]]:
        """Return what an artifact was made from as (depth, role, artifact or record of an input that is not here)."""
        rows: list[tuple[int, str, Artifact | dict]] = []

        def visit(current: Artifact, behind: tuple[str, ...]) -> None:
            behind = (*behind, current.manifest.fingerprint)
            for role, entry in sorted(current.manifest.inputs.items()):
                found = self.find(entry["fingerprint"], entry.get("kind", "*")) if "fingerprint" in entry else None
                rows.append((len(behind), role, found or entry))
                if found and found.manifest.fingerprint not in behind:  # an edited manifest can name itself
                    visit(found, behind)

        visit(artifact, ())
        return rows

    def verify(self, artifact: Artifact) -> list[str]:
        """Return what is wrong with an artifact: a changed recipe, files that are missing, changed or unknown."""
        return list(_damages(artifact.path, artifact.manifest, sha256_file))

    def check(self, artifact: Artifact) -> None:
        """Check an artifact before it is used: its files are those of its manifest. Unchanged files are not read again.

        Raises:
            ArtifactError: it is damaged or gone; the message names artifact and file.
            DataError: a file may not be read.
        """
        check_readable(artifact.path)
        try:
            found = self.open(artifact.path)
            same = found.manifest.fingerprint == artifact.manifest.fingerprint
            what = next(_damages(found.path, found.manifest, self.digests.of_file), "") if same else (
                f"{FILE}: it is another artifact's")
        except ArtifactError as error:
            what = str(error) if artifact.path.is_dir() else "it is gone; was it removed meanwhile?"
        except FileNotFoundError as error:
            what = f"{Path(error.filename).name}: it is gone; was it removed meanwhile?"
        if what:
            raise ArtifactError(f"{artifact.label} cannot be used: {what}. Remove it (jpt artifacts rm "
                                f"{artifact.path.name}) and give the same command, which makes it again, or bring "
                                "a sound copy (jpt artifacts pull)")

    def remove(self, artifact: Artifact) -> None:
        """Delete one artifact, see `remove_all`."""
        for _ in self.remove_all([artifact]):
            pass

    def remove_all(self, artifacts: Sequence[Artifact]) -> Iterator[Artifact]:
        """Delete artifacts, those made from others first, and yield each one that is gone.

        Nothing made from a damaged artifact needs it, and can be made again under its id.

        Raises:
            ArtifactError: others were made from one of them and stay; the message names them.
        """
        users = self.users()
        left = {one.path: one for one in artifacts}
        while left:
            ids = {one.manifest.fingerprint for one in left.values()}
            free = [path for path, one in left.items()
                    if not any(user.manifest.fingerprint in ids for user in users.get(one.manifest.fingerprint, ()))]
            for path in free or list(left):  # edited manifests can name each other
                self._remove_unused(left[path], users)
                yield left.pop(path)

    def _remove_unused(self, artifact: Artifact, users: dict[str, list[Artifact]]) -> None:
        needed = [user for user in users.get(artifact.manifest.fingerprint, ()) if user.path.exists()]
        if needed and not self.verify(artifact):
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
        manifest = folder / FILE
        if manifest.is_dir() and not manifest.is_symlink():
            shutil.rmtree(manifest)
        else:
            manifest.unlink(missing_ok=True)
        shutil.rmtree(folder)

    def copy(self, artifact: Artifact, root: Path) -> Path:
        """Copy an artifact into another store's outputs folder (`root`); complete or not at all."""
        other = Store(root)
        copied = transfer(artifact, other)
        other.digests.save()
        return copied


def _damages(folder: Path, manifest: Manifest, digest: Callable[[Path], str]) -> Iterator[str]:
    """Yield what is wrong with an artifact, cheap checks first; `digest` returns the sha256 of a file."""
    if not manifest.is_sound:
        yield f"{FILE}: recipe and fingerprint do not match"
    elif not manifest.is_untouched:
        yield f"{FILE}: it was changed after it was written"
    recorded, present = manifest.files, _files_in(folder) - {FILE}
    yield from (f"{name}: missing" for name in recorded if name not in present)
    yield from (f"{name}: not in the manifest" for name in sorted(present - recorded.keys())
                if not Path(name).name.startswith("."))  # file managers and network drives leave such
    there = sorted(present & recorded.keys())
    sizes = {name: (folder / name).stat().st_size for name in there}
    for name in there:
        if sizes[name] != recorded[name]["size"]:
            yield f"{name}: bytes differ from the manifest ({sizes[name]:,} of {recorded[name]['size']:,})"
    for name in there:
        wanted = recorded[name]["sha256"]
        # A cache of digests may itself be wrong: what is called damaged has been read.
        if sizes[name] == recorded[name]["size"] and digest(folder / name) != wanted and (
                sha256_file(folder / name) != wanted):
            yield f"{name}: bytes differ from the manifest"


def _files_in(folder: Path) -> set[str]:
    """Return the names of the files below a folder but those in `SCRATCH`."""
    return {str(path.relative_to(folder)) for path in folder.rglob("*")
            if path.is_file() and SCRATCH not in path.relative_to(folder).parts}


def _remove_if_empty(work: Path) -> None:
    """Remove a work folder that holds no file, as one of a stage that failed before it wrote anything."""
    if work.is_dir() and not work.is_symlink() and all(path.is_dir() and not path.is_symlink()
                                                       for path in work.rglob("*")):
        shutil.rmtree(work, ignore_errors=True)


def recorded_files(folder: Path) -> dict[str, dict[str, object]]:
    """Return ``{relative name: {size, sha256}}`` of every file below a folder but those in `SCRATCH`."""
    return {name: {"size": (folder / name).stat().st_size, "sha256": sha256_file(folder / name)}
            for name in sorted(_files_in(folder))}
