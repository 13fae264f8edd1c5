"""Copying artifacts between stores.

A manifest of another store is not trusted: it is checked before anything is written, and only the regular files that it
lists are copied.
"""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from jptransfer.artifacts.manifest import FILE, SCRATCH
from jptransfer.config.names import NAME_BYTES, has_controls, name_error
from jptransfer.errors import ArtifactError
from jptransfer.files import CHUNK, open_permissions, open_regular
from jptransfer.registry import STAGES

if TYPE_CHECKING:
    from jptransfer.artifacts.store import Artifact, Store


def transfer(artifact: Artifact, store: Store) -> Path:
    """Copy an artifact into another store and return its folder there; complete, or nothing is left behind.

    Raises:
        ArtifactError: the manifest contradicts itself or its place, or a file is not as the manifest says.
    """
    check_transferable(artifact)
    manifest = artifact.manifest
    with store.lock(manifest.fingerprint, lambda: None):
        if found := store.find(manifest.fingerprint, manifest.kind):
            return found.path
        partial = store.work / f"{artifact.id}.copy"
        shutil.rmtree(partial, ignore_errors=True)
        try:
            partial.mkdir()
            for name, entry in sorted(manifest.files.items()):
                if problem := _copy_file(artifact.path, name, entry, partial):
                    raise ArtifactError(f"{artifact.label} did not arrive whole: {name!r} {problem}")
            manifest.write(partial)
            open_permissions(partial)
            return store.place(partial, manifest)
        finally:
            shutil.rmtree(partial, ignore_errors=True)


def check_transferable(artifact: Artifact) -> None:
    """Check that kind, name, fingerprint, recipe and place of an artifact fit each other, and the names of its files.

    Raises:
        ArtifactError: they do not; the message says what.
    """
    if problem := _identity_error(artifact) or _files_error(artifact.manifest.files):
        raise ArtifactError(f"{artifact.path} is not copied: {problem}")


def _identity_error(artifact: Artifact) -> str:
    manifest, folder = artifact.manifest, artifact.path.absolute()
    if manifest.stage not in STAGES or manifest.kind != STAGES.load(manifest.stage).kind:
        return f"its manifest has kind {manifest.kind!r} with stage {manifest.stage!r}"
    if error := name_error(manifest.name):
        return f"the name in its manifest {error}"
    if not manifest.is_sound:
        return "recipe and fingerprint in its manifest do not match"
    if not manifest.is_untouched:
        return "its manifest was changed after it was written"
    wanted = Path(manifest.kind, f"{manifest.name}-{manifest.id}")
    return "" if Path(*folder.parts[-2:]) == wanted else f"by its manifest it belongs to {wanted}"


def _files_error(files: Any) -> str:
    for name in files:
        path = PurePosixPath(name)
        sound = path.parts and str(path) == name and not path.is_absolute() and not has_controls(name)
        if not sound or ".." in path.parts or path.parts[0] in (FILE, f".{FILE}", SCRATCH):
            return f"{name!r} in its manifest is not the name of a file of an artifact"
        if any(len(os.fsencode(part)) > NAME_BYTES for part in path.parts):
            return f"{name[:40]!r}… in its manifest is too long to name a file"
    return ""


def _copy_file(folder: Path, name: str, entry: dict[str, Any], to: Path) -> str:
    """Copy one file that the manifest lists; return what is wrong with it, or an empty string."""
    inner = PurePosixPath(name)
    if any((folder / parent).is_symlink() for parent in inner.parents if parent.parts):
        return "lies behind a symbolic link"
    try:
        source = open_regular(folder / name)
    except OSError as error:
        if error.errno not in (errno.ELOOP, errno.ENOENT, errno.ENOTDIR, errno.ENXIO):
            raise
        return "is a symbolic link" if error.errno == errno.ELOOP else "is missing or not a regular file"
    with source as stream:
        (to / inner.parent).mkdir(parents=True, exist_ok=True)
        whole, left = hashlib.sha256(), entry["size"]
        with (to / name).open("xb") as target:
            while data := stream.read(min(CHUNK, left + 1)):
                left -= len(data)
                if left < 0:
                    break
                whole.update(data)
                target.write(data)
    return "" if left == 0 and whole.hexdigest() == entry["sha256"] else "has bytes that differ from the manifest"
