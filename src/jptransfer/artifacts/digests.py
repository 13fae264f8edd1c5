"""Digests of files and folders, remembered by size, modification time and inode, so unchanged data is read once."""

from __future__ import annotations

import hashlib
import json
from contextlib import suppress
from pathlib import Path

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
        self._dirty = False

    @property
    def known(self) -> dict[str, list]:
        """Path -> [size, mtime_ns, inode, sha256]."""
        if self._known is None:
            self._known = {}
            with suppress(OSError, ValueError):
                self._known = json.loads(self.file.read_text())
        return self._known

    def of_file(self, path: Path) -> str:
        """Return the sha256 of one file."""
        path = path.resolve()
        stat = path.stat()
        stamp = [stat.st_size, stat.st_mtime_ns, stat.st_ino]
        entry = self.known.get(str(path))
        if entry is None or entry[:3] != stamp:
            entry = [*stamp, sha256_file(path)]
            self.known[str(path)] = entry
            self._dirty = True
        return entry[3]

    def of_files(self, files: dict[str, Path]) -> str:
        """Return one sha256 over names and contents, independent of where the files lie."""
        whole = hashlib.sha256()
        for name in sorted(files):
            whole.update(f"{name}\0{self.of_file(files[name])}\n".encode())
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
        """Write what was learned, atomically."""
        if self._dirty:
            with new_file(self.file) as stream:
                stream.write(json_text(self.known, ensure_ascii=True))
            self._dirty = False
