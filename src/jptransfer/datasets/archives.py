"""Members of an official archive, read in place, or of the folder it was extracted to, or one of them alone."""

from __future__ import annotations

import tarfile
from collections.abc import Callable
from pathlib import Path

from jptransfer.corpora.intake import UNREADABLE
from jptransfer.errors import DataError
from jptransfer.files import COMPRESSED, reason

PACKED = {".tar", ".tgz", ".tbz", ".txz", *COMPRESSED}


def members(path: Path, wanted: Callable[[str], bool]) -> dict[str, bytes]:
    """Return name -> bytes of the files whose name (relative, with ``/``) is wanted, sorted by name.

    Hidden files and folders are left out, as they are of a folder's digest. Nothing is written to disk.

    Raises:
        DataError: the archive is damaged, or holds nothing that is wanted.
    """
    if path.is_dir():
        found = _of_folder(path, wanted)
    else:
        alone = path.is_file() and path.suffix not in PACKED and wanted(path.name)
        found = {path.name: path.read_bytes()} if alone else _of_archive(path, wanted)
    if not found:
        raise DataError(f"{path}: holds none of the files that belong to this data set")
    return dict(sorted(found.items()))


def _visible(name: str) -> bool:
    return not any(part.startswith(".") for part in name.split("/"))


def _of_folder(path: Path, wanted: Callable[[str], bool]) -> dict[str, bytes]:
    names = {file.relative_to(path).as_posix(): file for file in path.rglob("*") if file.is_file()}
    return {name: file.read_bytes() for name, file in names.items() if _visible(name) and wanted(name)}


def _of_archive(path: Path, wanted: Callable[[str], bool]) -> dict[str, bytes]:
    try:
        with tarfile.open(path) as archive:
            named = ((member.name.removeprefix("./"), member) for member in archive if member.isfile())
            return {name: archive.extractfile(member).read()  # type: ignore[union-attr]
                    for name, member in named if _visible(name) and wanted(name)}
    except UNREADABLE as error:
        raise DataError(f"{path}: damaged, truncated or no tar archive ({reason(error)})") from error
