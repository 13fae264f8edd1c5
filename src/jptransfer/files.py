"""Opening users' files: compression by suffix, character encodings by name."""

from __future__ import annotations

import bz2
import codecs
import gzip
import io
import lzma
import os
import shutil
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from encodings.aliases import aliases
from pathlib import Path
from typing import Any, BinaryIO, TextIO

from jptransfer.errors import ConfigError, nearest

CHUNK = 1 << 18
COMPRESSED = (".gz", ".bz2", ".xz", ".zst")
DAMAGED = (EOFError, OSError, lzma.LZMAError, zlib.error)
"""What reading a file raises whose disk, permissions or compression are damaged."""


def reason(error: BaseException) -> str:
    """Return what is wrong with a file that raised `error`, in a few words on one line."""
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return text.partition("\n")[0].rstrip(" :")


def bare_suffix(path: Path) -> str:
    """Return the suffix that says what a file holds, without that of its compression: ``.tsv`` of ``a.tsv.gz``."""
    suffixes = [suffix.lower() for suffix in path.suffixes]
    if suffixes and suffixes[-1] in COMPRESSED:
        suffixes.pop()
    return suffixes[-1] if suffixes else ""


def bare_name(path: Path) -> str:
    """Return a file's name without the suffixes of its compression and of what it holds: ``a`` of ``a.tsv.gz``."""
    return Path(path.stem if path.suffix.lower() in COMPRESSED else path.name).stem


def open_bytes(path: Path) -> BinaryIO:
    """Open a file, decompressed by its suffix (``.gz .bz2 .xz .zst``).

    Damaged compression raises one of `DAMAGED` on reading.
    """
    match path.suffix.lower():
        case ".gz":
            return gzip.open(path)  # type: ignore[return-value]
        case ".bz2":
            return bz2.open(path)  # type: ignore[return-value]
        case ".xz":
            return lzma.open(path)  # type: ignore[return-value]
        case ".zst":
            return io.BufferedReader(_ZstdStream(path), CHUNK)
        case _:
            return path.open("rb")


def codec(encoding: str, where: str = "encoding") -> str:
    """Return the canonical name of a character encoding; `ConfigError` if Python knows none of this name."""
    try:
        found = codecs.lookup(encoding)
        "".encode(encoding)  # Python lists encodings of bytes, such as base64, with those of text
    except LookupError:
        known = {*aliases.values(), *aliases, *(name.replace("_", "-") for name in aliases)}
        raise ConfigError(f"{where}: unknown character encoding '{encoding}'{nearest(encoding, sorted(known))}; "
                          "utf-8, cp932 and euc_jp are some") from None
    return found.name


@contextmanager
def new_folder(folder: Path, setting: str) -> Iterator[Path]:
    """Yield a folder to fill, which takes the place of `folder` when all is written.

    Raises:
        ConfigError: `folder`, which `setting` names, is there already and not empty, now or when all is written.
    """
    _check_new(folder, setting)
    partial = _beside(folder)
    shutil.rmtree(partial, ignore_errors=True)  # of a killed process that had our number
    partial.mkdir(parents=True)
    try:
        yield partial
        _check_new(folder, setting)
        partial.replace(folder)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


@contextmanager
def new_file(path: Path) -> Iterator[TextIO]:
    """Yield a file for text in UTF-8, which takes the place of `path` when all is written; who is last wins."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = _beside(path)
    try:
        with partial.open("w", encoding="utf-8", newline="") as stream:
            yield stream
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def _check_new(folder: Path, setting: str) -> None:
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ConfigError(f"{setting}: {folder} is there already and not an empty folder")


def _beside(path: Path) -> Path:
    """Return where this process alone writes what will be `path`."""
    return path.with_name(f".{path.name}.{os.getpid()}.partial")


class _ZstdStream(io.RawIOBase):
    """Zstandard frames as a stream that, unlike the library's own, notices a truncated file."""

    def __init__(self, path: Path) -> None:
        import zstandard

        self._error = zstandard.ZstdError
        self._new = zstandard.ZstdDecompressor().decompressobj
        self._file = path.open("rb")
        self._frame: Any = None
        self._waiting = b""
        self._ready = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer) -> int:  # type: ignore[override]
        while not self._ready and self._advance():
            pass
        count = min(len(buffer), len(self._ready))
        buffer[:count] = self._ready[:count]
        self._ready = self._ready[count:]
        return count

    def _advance(self) -> bool:
        """Decompress one more chunk; False at the end."""
        data = self._waiting or self._file.read(CHUNK)
        if not data:
            if self._frame is not None:
                raise EOFError("the last frame is incomplete")
            return False
        self._frame = self._frame or self._new()
        try:
            self._ready = memoryview(self._frame.decompress(data))
        except self._error as error:
            raise EOFError(str(error)) from error
        self._waiting = self._frame.unused_data if self._frame.eof else b""
        if self._frame.eof:
            self._frame = None
        return True

    def close(self) -> None:
        self._file.close()
        super().close()
