"""Digests of files and folders, remembered by size, time of change and inode, so unchanged data is read once."""

from __future__ import annotations

import hashlib
from contextlib import suppress
from pathlib import Path
from typing import Any

from jptransfer.artifacts.form import is_count, is_digest
from jptransfer.caches import read_cache
from jptransfer.errors import JptError
from jptransfer.files import json_text, new_file


def sha256_file(path: Path) -> str:
    """Return the sha256 of a file's bytes."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


class DigestCache:
    """Digests by path in one JSON file; a lost or torn file only costs reading the data again."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self._known: dict[str, list] | None = None
        self._learnt: dict[str, list] = {}

    @property
    def known(self) -> dict[str, list]:
        """Path -> [size, ctime_ns, inode, sha256]."""
        if self._known is None:
            self._known = self._read()
        return self._known

    def _read(self) -> dict[str, list]:
        return read_cache(self.file, _is_table) or {}

    def of_file(self, path: Path) -> str:
        """Return the sha256 of one file."""
        path = path.resolve()
        stamp = _stamp(path)
        entry = self.known.get(str(path))
        if entry is None or entry[:3] != stamp:
            entry = self._learn(path, stamp, sha256_file(path))
        return entry[3]

    def remember(self, path: Path, sha256: str) -> None:
        """Note the digest of a file that was just read or written."""
        path = path.resolve()
        self._learn(path, _stamp(path), sha256)

    def _learn(self, path: Path, stamp: list[int], sha256: str) -> list:
        self.known[str(path)] = self._learnt[str(path)] = [*stamp, sha256]
        return self.known[str(path)]

    def of_files(self, files: dict[str, Path]) -> str:
        """Return one sha256 over names and contents, independent of where the files lie."""
        whole = hashlib.sha256()
        for name in sorted(files):
            whole.update(f"{name}\0{self.of_file(files[name])}\n".encode("utf-8", "surrogateescape"))
        return whole.hexdigest()

    def of_place(self, path: Path) -> str:
        """Return the digest of a file, or of all files below a folder (hidden ones left out).

        A file's suffixes tell how it is read (``.tsv``, ``.csv.xz``), so they are part of it; its stem is not.
        """
        if not path.is_dir():
            return "".join([self.of_file(path), *path.suffixes[-2:]])
        files = {str(p.relative_to(path)): p for p in path.rglob("*") if p.is_file()}
        return self.of_files({name: p for name, p in files.items()
                              if not any(part.startswith(".") for part in Path(name).parts)})

    def save(self) -> None:
        """Add what was learned to the file, atomically; what other processes added meanwhile stays.

        Where it cannot be written, as in a store of someone else's, the data is read again next time.
        """
        if self._learnt:
            merged = self._read() | self._learnt
            with suppress(OSError, JptError), new_file(self.file) as stream:
                stream.write(json_text(merged, ensure_ascii=True))
            self._learnt = {}


def _stamp(path: Path) -> list[int]:
    """Return what changes with a file: copies may keep the time of modification, nothing keeps the time of change."""
    stat = path.stat()
    return [stat.st_size, stat.st_ctime_ns, stat.st_ino]


def _is_table(found: Any) -> bool:
    return isinstance(found, dict) and all(map(_is_entry, found.values()))


def _is_entry(entry: Any) -> bool:
    return isinstance(entry, list) and len(entry) == 4 and all(map(is_count, entry[:3])) and is_digest(entry[3])
