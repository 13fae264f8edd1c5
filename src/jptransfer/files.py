"""Opening and writing users' files: compression by suffix, encodings by name, results that appear when complete."""

from __future__ import annotations

import bz2
import codecs
import errno
import fcntl
import gzip
import hashlib
import io
import json
import lzma
import math
import os
import shutil
import stat
import sys
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from encodings.aliases import aliases
from pathlib import Path
from typing import Any, BinaryIO, TextIO

from jptransfer.config.names import NAME_BYTES, shortened
from jptransfer.errors import ConfigError, DataError, nearest
from jptransfer.zstd import ZstdStream

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


def open_regular(path: Path) -> BinaryIO:
    """Open a regular file that someone else may have put there: neither follow a link nor wait for a FIFO's writer.

    Raises:
        OSError: it cannot be opened, is a symbolic link (`errno.ELOOP`) or not a regular file (`errno.ENXIO`).
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.ENXIO, "not a regular file", str(path))
    return os.fdopen(descriptor, "rb")


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
            return io.BufferedReader(ZstdStream(path, CHUNK), CHUNK)
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


def json_text(value: Any, **layout: Any) -> str:
    """Return `value` as JSON: the one place that writes it. `layout` is as in ``json.dumps``.

    Raises:
        DataError: a number is not finite; JSON has no NaN and no infinity.
    """
    try:
        return json.dumps(value, **{"ensure_ascii": False, **layout, "allow_nan": False})
    except ValueError:
        if found := next(_not_finite(value, ""), None):
            raise DataError(f"{found[0]} is {found[1]}, which JSON has no number for") from None
        raise


def _not_finite(value: Any, where: str) -> Iterator[tuple[str, float]]:
    """Yield the places of the numbers that are not finite, dotted, with the numbers."""
    if isinstance(value, float) and not math.isfinite(value):
        yield where.lstrip("."), value
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list | tuple) else ()
    for key, part in pairs:
        yield from _not_finite(part, f"{where}.{key}")


@contextmanager
def new_folder(folder: Path, setting: str) -> Iterator[Path]:
    """Yield a folder to fill, which takes the place of `folder` when all is written.

    A symbolic link stays: the folder it points to is made. An empty folder keeps its permissions.

    Raises:
        ConfigError: `folder`, which `setting` names, exists and is not empty, now or when all is written, or it cannot
            be made.
    """
    check_new_folder(folder, setting)
    folder = Path(os.path.realpath(folder))
    partial = _beside(folder)
    shutil.rmtree(partial, ignore_errors=True)  # of a killed process that had our number
    partial.mkdir(parents=True)
    try:
        yield partial
        check_new_folder(folder, setting)
        open_permissions(partial)
        _move_folder(partial, folder)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


@contextmanager
def new_file(path: Path, setting: str = "") -> Iterator[TextIO]:
    """Yield a UTF-8 text stream whose text replaces `path` when all is written; the last of several writers wins.

    A symbolic link stays and its target is replaced; a file that exists keeps its permissions, owner and hard links.
    What is not a regular file (a device, a FIFO, an open descriptor such as ``/dev/stdout``) is written to directly.

    Args:
        setting: the setting that names the file; empty: it is a file of our own, and errors are `OSError`.

    Raises:
        ConfigError: `path`, which `setting` names, is a folder or cannot be written.
    """
    if setting:
        check_new_file(path, setting)
    if is_stream(path):
        with _open_stream(path, setting) as stream:
            yield stream
        return
    target = Path(os.path.realpath(path))
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = _beside(target if can_write(target.parent) else Path(tempfile.gettempdir(), "output"))
    try:
        with partial.open("w", encoding="utf-8", newline="") as stream:
            yield stream
        _move_file(partial, target)
    finally:
        partial.unlink(missing_ok=True)


def check_new_file(path: Path, setting: str) -> None:
    """Raise `ConfigError` if `new_file` could not write `path`: known before the work whose result it will hold."""
    _check_length(path, setting)
    if descriptor_of(path) is not None:
        return
    if path.is_dir():
        raise ConfigError(f"{setting}: '{path}' is a folder; name a file")
    if path.exists():
        if not os.access(path, os.W_OK):
            raise ConfigError(f"{setting}: permission denied: '{path}' cannot be written")
        return
    _check_parent(path, setting)


def check_new_folder(folder: Path, setting: str) -> None:
    """Raise `ConfigError` if `new_folder` could not make `folder`."""
    _check_length(folder, setting)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ConfigError(f"{setting}: {folder} is there already and not an empty folder")
    _check_parent(folder, setting)


def _check_parent(path: Path, setting: str) -> None:
    """Raise if no file or folder can be made at `path`: its nearest existing folder decides."""
    target = Path(os.path.realpath(path))
    if target.is_symlink():
        raise ConfigError(f"{setting}: '{path}' is a symbolic link that leads back to itself")
    parent = _nearest_existing(target.parent)
    if not parent.is_dir():
        raise ConfigError(f"{setting}: '{parent}' is not a folder")
    if not can_write(parent):
        raise ConfigError(f"{setting}: permission denied: nothing can be written in '{parent}'")


def check_readable(folder: Path) -> None:
    """Raise `DataError` if a file in `folder` may not be read. Some libraries say of such a file that it is missing."""
    for path in (folder, *sorted(folder.glob("*"))):
        is_there = os.path.exists(path)  # noqa: PTH110 (no error where it may not look)
        if is_there and not os.access(path, os.R_OK | os.X_OK if path.is_dir() else os.R_OK):
            raise DataError(f"permission denied: '{path}' cannot be read")


def can_write(folder: Path) -> bool:
    """Whether files can be made in `folder`, which may itself have to be made."""
    return os.access(_nearest_existing(folder), os.W_OK | os.X_OK)


def _nearest_existing(path: Path) -> Path:
    path = path.absolute()
    return next(one for one in (path, *path.parents) if os.path.exists(one))  # noqa: PTH110 (no error where it may not look)


def _check_length(path: Path, setting: str) -> None:
    """Raise if a part of a path is too long for a file system."""
    for part in path.parts:
        if (size := len(os.fsencode(part))) > NAME_BYTES:
            raise ConfigError(f"{setting}: '{shortened(part)}' has {size} bytes; a file name may have {NAME_BYTES}")


def descriptor_of(path: Path) -> int | None:
    """Return the number of this process's open file that `path` names (``/dev/stdout``, ``/dev/fd/3``), or None."""
    own = f"/proc/{os.getpid()}/fd"
    place = os.fspath(path)
    for _ in range(40):  # as many links as Linux follows
        folder, name = os.path.split(os.path.abspath(place))  # noqa: PTH100 (links are followed one at a time)
        if os.path.realpath(folder) == own and name.isdecimal():
            return int(name)
        try:
            place = os.path.join(folder, os.readlink(place))  # noqa: PTH115, PTH118
        except OSError:
            return None
    return None


def is_standard_output(name: str) -> bool:
    """Whether an ``output=`` names standard output: ``-``, ``/dev/stdout``, ``/dev/fd/1``."""
    return name == "-" or descriptor_of(Path(name)) == 1


def is_stream(path: Path) -> bool:
    """Whether a path names an open descriptor or exists and is neither a regular file nor a folder."""
    return descriptor_of(path) is not None or path.exists() and not path.is_file() and not path.is_dir()


def _open_stream(path: Path, setting: str) -> TextIO:
    number = descriptor_of(path)
    try:
        if number is None:
            opened = os.open(path, os.O_WRONLY)
        elif fcntl.fcntl(number, fcntl.F_GETFL) & os.O_ACCMODE == os.O_RDONLY:
            raise ConfigError(f"{setting}: '{path}' is open for reading only")
        else:
            sys.stdout.flush()  # what was printed before comes first
            opened = os.dup(number)
    except OSError as error:
        raise ConfigError(f"{setting}: cannot write to '{path}': {reason(error)}") from error
    return os.fdopen(opened, "w", encoding="utf-8", newline="")


def _move_file(partial: Path, target: Path) -> None:
    """Give `target` the content of `partial`: by renaming, or in place where that would lose more than the content."""
    try:
        known = target.stat()
    except FileNotFoundError:
        known = None
    if known:
        with suppress(PermissionError):
            os.chown(partial, known.st_uid, known.st_gid)
        partial.chmod(stat.S_IMODE(known.st_mode))
    if partial.parent == target.parent and not (known and known.st_nlink > 1):
        try:
            partial.replace(target)
            return
        except OSError as error:
            if error.errno not in (errno.EBUSY, errno.EPERM, errno.EACCES):  # a mount point, a sticky folder
                raise
    shutil.copyfile(partial, target)


def _move_folder(partial: Path, folder: Path) -> None:
    """Rename `partial` to `folder`; an existing (empty) folder stays and receives the content."""
    if not folder.exists():
        partial.replace(folder)
        return
    for inside in partial.iterdir():
        inside.rename(folder / inside.name)


def open_permissions(folder: Path) -> None:
    """Give all files and folders in `folder` the permissions of new ones (``0666 & ~umask``, ``0777 & ~umask``).

    Some libraries write their files for the owner alone, whatever the umask says.
    """
    umask = _umask()
    for path in (folder, *folder.rglob("*")):
        if not path.is_symlink():
            mode = stat.S_IMODE(path.stat().st_mode)
            usual = (0o777 if path.is_dir() else 0o666) & ~umask | mode & stat.S_ISGID  # which folders pass on
            if mode != usual:
                path.chmod(usual)


def _umask() -> int:
    """Return the process's umask, which can only be read by setting it, except on Linux."""
    with suppress(OSError, StopIteration):
        lines = Path("/proc/self/status").read_text(encoding="ascii", errors="replace").splitlines()
        return int(next(line for line in lines if line.startswith("Umask:")).split()[1], 8)
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


def _beside(path: Path) -> Path:
    """Return where this process alone writes what will be `path`; short, so that `path` may have any valid name."""
    name = hashlib.sha256(os.fsencode(path.name)).hexdigest()[:16]
    return path.with_name(f".{name}.{os.getpid()}.partial")
