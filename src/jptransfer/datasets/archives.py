"""Members of an official archive, read in place, or of the folder it was extracted to, or one of them alone."""

from __future__ import annotations

import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path

from jptransfer.corpora.error_policy import UNREADABLE
from jptransfer.errors import DataError
from jptransfer.files import COMPRESSED, reason

MOST_BYTES = 1 << 30
"""Bytes of an archive's files that are held in memory."""
PACKED = {".tar", ".tgz", ".tbz", ".txz", *COMPRESSED}


def members(path: Path, wanted: Callable[[str], bool]) -> Iterator[tuple[str, bytes]]:
    """Yield name and bytes of the files whose name (relative, with ``/``) is wanted, sorted by name.

    Hidden files and folders are left out, as they are of a folder's digest. Nothing is written to disk. The files of a
    folder are read one at a time, those of an archive together.

    Raises:
        DataError: the archive is damaged or unpacks to more than `MOST_BYTES`, or nothing in it is wanted.
    """
    empty = True
    for found in _of_folder(path, wanted) if path.is_dir() else _of_file(path, wanted):
        empty = False
        yield found
    if empty:
        raise DataError(f"{path}: holds none of the files that belong to this data set")


def _visible(name: str) -> bool:
    return not any(part.startswith(".") for part in name.split("/"))


def _of_folder(path: Path, wanted: Callable[[str], bool]) -> Iterator[tuple[str, bytes]]:
    names = {file.relative_to(path).as_posix(): file for file in path.rglob("*") if file.is_file()}
    for name in sorted(names):
        if _visible(name) and wanted(name):
            yield name, names[name].read_bytes()


def _of_file(path: Path, wanted: Callable[[str], bool]) -> Iterator[tuple[str, bytes]]:
    if path.is_file() and path.suffix not in PACKED and wanted(path.name):
        yield path.name, path.read_bytes()
    else:
        yield from sorted(_of_archive(path, wanted).items())


def _of_archive(path: Path, wanted: Callable[[str], bool]) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    size = 0
    try:
        with tarfile.open(path) as archive:
            for member in archive:
                name = member.name.removeprefix("./")
                if member.isfile() and _visible(name) and wanted(name):
                    size += member.size
                    if size > MOST_BYTES:
                        limit = f"{MOST_BYTES / 2**30:g} GiB"
                        raise DataError(f"{path}: unpacks to more than {limit}; unpack it and name the folder")
                    found[name] = archive.extractfile(member).read()  # type: ignore[union-attr]
    except UNREADABLE as error:
        raise DataError(f"{path}: damaged, truncated or no tar archive ({reason(error)})") from error
    return found
