"""Reading users' files: compression by suffix, one line at a time, mistakes named by file and line."""

from __future__ import annotations

import bz2
import codecs
import gzip
import io
import lzma
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from jptransfer.errors import ConfigError, DataError

CHUNK = 1 << 18
COMPRESSED = (".gz", ".bz2", ".xz", ".zst")


def bare_suffix(path: Path) -> str:
    """Return the suffix that says what a file holds, without that of its compression: ``.tsv`` of ``a.tsv.gz``."""
    suffixes = [suffix.lower() for suffix in path.suffixes]
    if suffixes and suffixes[-1] in COMPRESSED:
        suffixes.pop()
    return suffixes[-1] if suffixes else ""


def open_bytes(path: Path) -> BinaryIO:
    """Open a file, decompressed by its suffix (``.gz .bz2 .xz .zst``); use inside `readable`."""
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


@contextmanager
def readable(path: Path) -> Iterator[None]:
    """Turn what can go wrong inside (missing, truncated, not of its format) into a `DataError` that names `path`."""
    try:
        yield
    except FileNotFoundError as error:
        raise DataError(f"{path}: no such file") from error
    except (EOFError, lzma.LZMAError, zlib.error, gzip.BadGzipFile) as error:
        raise DataError(f"{path}: damaged or truncated archive ({error})") from error
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror or error})") from error


def codec(encoding: str, where: str = "encoding") -> str:
    """Return the canonical name of a character encoding; `ConfigError` if Python knows none of this name."""
    try:
        return codecs.lookup(encoding).name
    except LookupError:
        raise ConfigError(f"{where}: unknown character encoding '{encoding}' (known: utf-8, euc_jp, ...)") from None


def read_lines(path: Path, encoding: str = "utf-8", bad: Callable[[int], None] | None = None) -> Iterator[str]:
    r"""Yield the lines of a text file without their ends; only ``\n`` and ``\r\n`` end a line.

    A byte order mark is left out. A line that is not valid in `encoding` raises `DataError` with its number, or, where
    `bad` is given, is reported to `bad` by that number (from 1) and left out.
    """
    decode = codecs.getdecoder(codec(encoding))
    if codec(encoding).startswith(("utf-16", "utf-32")):
        raise ConfigError(f"{path}: encoding '{encoding}' is not supported; convert the file to utf-8")
    with readable(path), open_bytes(path) as stream:
        for number, raw in enumerate(stream, 1):
            if number == 1:
                raw = raw.removeprefix(codecs.BOM_UTF8)
            try:
                line, _ = decode(raw)
            except UnicodeDecodeError as error:
                if bad is None:
                    raise DataError(f"{path}: line {number} is not {encoding} ({error.reason})") from error
                bad(number)
                continue
            yield line.removesuffix("\n").removesuffix("\r")


class _ZstdStream(io.RawIOBase):
    """Zstandard frames as a stream that, unlike the library's own, notices a truncated file."""

    def __init__(self, path: Path) -> None:
        import zstandard

        self._error = zstandard.ZstdError
        self._new = zstandard.ZstdDecompressor().decompressobj
        self._file = path.open("rb")
        self._frame = None
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
