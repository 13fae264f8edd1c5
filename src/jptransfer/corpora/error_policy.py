"""Read raw input: find files, read their lines in bounded memory, and stop at or skip unreadable parts."""

from __future__ import annotations

import codecs
import glob
import json
import math
import re
import tarfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any, BinaryIO

from jptransfer.config import OnError
from jptransfer.config.names import shortened
from jptransfer.corpora.sentences import split_sentences
from jptransfer.errors import DataError, nearest, printable
from jptransfer.files import DAMAGED, codec, open_bytes, reason

LOUD = 0.01
"""Share of skipped input from which a warning is printed, in addition to the statistics."""
LONG_LINE = 1 << 20
"""Length in bytes from which a line of running text is split into sentences while it is read."""
LONGEST_LINE = 1 << 28
"""Maximum length in bytes of a line that is read whole: more than any text or record, less than an archive bomb."""
MARKS = {codecs.BOM_UTF32_LE: "UTF-32", codecs.BOM_UTF32_BE: "UTF-32", codecs.BOM_UTF16_LE: "UTF-16",
         codecs.BOM_UTF16_BE: "UTF-16"}
"""Byte order mark at the beginning of a file -> its encoding."""
WORTH_SKIPPING = 0.5
"""Maximum share of unreadable input at which the message offers to skip it."""
_MARKS = re.compile(r'\\.|["\[\]{},]')
"""What the structure of a JSON text follows from, and escaped characters, which are none of it."""
UNREADABLE = (*DAMAGED, UnicodeError, tarfile.TarError)


class UnreadableError(DataError):
    """A part of the input cannot be read, and errors are not skipped."""

    def offering(self, setting: str, kept: int, lost: int) -> DataError:
        """Return the error with an offer to skip unreadable parts, if that would keep most of the input.

        Args:
            setting: the setting that turns skipping on, as ``task.on_error``.
            kept, lost: numbers of items that would be read and skipped.
        """
        if not kept or lost > WORTH_SKIPPING * (kept + lost):
            return DataError(f"{self}; most of the input cannot be read in this way, so look at its settings first")
        what = "it" if lost < 2 else f"{lost:,} such places"
        return DataError(f"{self} ({setting}=skip would go on without {what})")


@dataclass
class ErrorPolicy:
    """What to do with errors in the input, what was skipped so far, and a callback for progress.

    Attributes:
        on_error: stop with a `DataError`, or skip and count.
        skipped: kind of error -> number of occurrences.
        examples: kind of error -> place (without folders) and reason of the first occurrence.
        advance: called with the number of bytes that were read (after decompression).
        encoding: name of the setting for the character encoding.
    """

    on_error: OnError = OnError.stop
    skipped: Counter[str] = field(default_factory=Counter)
    examples: dict[str, str] = field(default_factory=dict)
    advance: Callable[[int], None] = lambda amount: None
    encoding: str = "encoding"

    def hint(self, kind: str) -> str:
        """Return a hint to append to the message of an error of this kind; empty if there is none."""
        return f"; {self.encoding} can name another one, such as cp932 or euc_jp" if kind == "bad_bytes" else ""

    def report(self, kind: str, where: str, what: str) -> None:
        """Raise an `UnreadableError` that names the place, or count it under `kind` if errors are skipped."""
        if self.on_error is OnError.stop:
            raise UnreadableError(f"{where}: {what}{self.hint(kind)}")
        self.skipped[kind] += 1
        self.examples.setdefault(kind, printable(f"{where.rpartition('/')[2]}: {what}"))

    @contextmanager
    def reading(self, path: Path) -> Iterator[None]:
        """Report errors of opening and decompressing `path` inside the context; input read before them is kept."""
        try:
            yield
        except UNREADABLE as error:
            self.report("unreadable", str(path), f"damaged, truncated or unreadable ({reason(error)})")


def locate(place: str, policy: ErrorPolicy) -> list[Path]:
    """Return the files of a file name, folder (recursive, without hidden files) or glob, sorted by path."""
    path = Path(place).expanduser()
    if path.is_file():
        return [path]
    if path.is_dir():
        inside = (file for file in path.rglob("*") if file.is_file())
        files = [file for file in inside if not any(part[0] == "." for part in file.relative_to(path).parts)]
    else:
        names = glob.glob(str(path), recursive=True)  # noqa: PTH207 (pathlib has no absolute patterns)
        files = [Path(name) for name in names if Path(name).is_file()]
    if not files:
        siblings = [other.name for other in path.parent.iterdir() if other.exists()] if path.parent.is_dir() else []
        lacking = f"no such file or folder{nearest(path.name, siblings)}"
        policy.report("missing", place or "path", "the folder holds no file" if path.is_dir() else lacking)
    return sorted(files)


def read_lines(path: Path, encoding: str, policy: ErrorPolicy, limit: int = 0) -> Iterator[tuple[int, str]]:
    r"""Yield the number (from 1) and text of each line of a file, without ``\n`` or ``\r\n``.

    Damaged compression, empty files and lines that cannot be decoded are reported to `policy`. With `limit`, a line of
    more bytes is yielded sentence by sentence, so that a file without line ends does not need more memory.

    Raises:
        DataError: without `limit`, a line has more than `LONGEST_LINE` bytes.
    """
    with policy.reading(path), open_bytes(path) as stream:
        yield from decode_lines(stream, str(path), encoding, policy, limit)


def parse_json(text: str) -> Any:
    """Return the value of a JSON text.

    NaN and infinities, which some libraries write for missing values, become `None`.

    Raises:
        ValueError: the text is not JSON, is nested too deeply, or contains a number that is too large.
    """
    try:
        return json.loads(text, parse_constant=lambda constant: None, parse_float=_finite)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def _finite(number: str) -> float:
    value = float(number)
    if math.isinf(value):
        raise ValueError(f"the number {shortened(number)} is too large")
    return value


def json_lines(lines: Iterator[tuple[int, str]], name: str) -> Iterator[tuple[int, str]]:
    """Yield number and text of JSON lines; the entries of a file with one JSON array are numbered from 1.

    An array may stand on any number of lines and is read entry by entry. What is not an entry (an empty one, text after
    the array, the rest of an array that does not end) is yielded too, and is not JSON.

    Args:
        name: of the file, for messages.

    Raises:
        DataError: an entry has more than `LONGEST_LINE` characters.
    """
    first = next(lines, None)
    if first is None:
        return
    lines = chain([first], lines)
    yield from _entries(lines, name) if first[1].lstrip().startswith("[") else lines


def _entries(lines: Iterator[tuple[int, str]], name: str) -> Iterator[tuple[int, str]]:
    depth, quoted, number, length = 0, False, 1, 0
    parts: list[str] = []
    for line_number, line in lines:
        start = 0
        for mark in _MARKS.finditer(line):
            sign = mark.group()
            if sign == '"':
                quoted = not quoted
            elif quoted or sign[0] == "\\":
                continue
            elif sign in "[{":
                depth += 1
                start = mark.end() if depth == 1 else start
            elif sign in "]}":
                depth -= 1
            if depth == (1 if sign == "," else 0) and not quoted:
                entry = "\n".join([*parts, line[start: mark.start()]]).strip()
                if entry or sign == "," or number > 1:
                    yield number, entry or sign
                parts, length, start, number = [], 0, mark.end(), number + 1
                if depth == 0:
                    break
        if depth == 0:
            yield from chain([(line_number, line[start:])] if line[start:].strip() else [], lines)
            return
        parts.append(line[start:])
        length += len(parts[-1])
        if length > LONGEST_LINE:
            raise DataError(f"{name}: entry {number} of the array has more than {LONGEST_LINE >> 20} MiB, which no "
                            "record has; is a quotation mark missing?")
    yield number, "\n".join(parts).strip() or "["


def decode_lines(
    stream: BinaryIO, name: str, encoding: str, policy: ErrorPolicy, limit: int = 0
) -> Iterator[tuple[int, str]]:
    """Like `read_lines`, for an open stream; `name` is used in messages."""
    number, tail = 0, ""
    for number, text, complete in _parts(stream, name, encoding, policy, limit):
        if complete and not tail:
            yield number, text
            continue
        *sentences, tail = split_sentences(tail + text) or [""]
        if complete or len(tail) > limit:
            sentences, tail = [*sentences, tail], ""
        yield from ((number, sentence) for sentence in sentences)
    if tail:  # the end of the line could not be decoded
        yield number, tail


def _parts(
    stream: BinaryIO, name: str, encoding: str, policy: ErrorPolicy, limit: int
) -> Iterator[tuple[int, str, bool]]:
    """Yield line number, text and whether the line ends there; without `limit` lines are never split."""
    encoding = codec(encoding)
    if encoding.startswith(("utf-16", "utf-32")):  # a line feed has more than one byte in these encodings
        stream, encoding = codecs.EncodedFile(stream, "utf-8", encoding), "utf-8"  # type: ignore[assignment]
    number, rest, empty = 1, b"", True
    while part := stream.readline(limit or LONGEST_LINE + 1):
        policy.advance(len(part))
        if not limit and len(part) > LONGEST_LINE:
            raise DataError(f"{name}:{number}: the line has more than {LONGEST_LINE >> 20} MiB, which no text or "
                            "record of a corpus has; is the file damaged, or of another format?")
        if empty:
            _check_mark(part, name, policy)
        complete = part.endswith(b"\n") or not limit or len(part) < limit
        try:
            text, rest = _decode(rest + part, encoding, complete)
        except UnicodeDecodeError as error:
            byte, place = error.object[error.start], error.start + 1
            policy.report("bad_bytes", f"{name}:{number}", f"not {encoding}: byte 0x{byte:02x} at byte {place}")
            rest = b""
        else:
            text = text.removesuffix("\n").removesuffix("\r")
            yield number, text.removeprefix("\ufeff") if empty else text, complete
        number += part.endswith(b"\n")
        empty = False
    if empty:
        policy.report("empty", name, "the file is empty")


def _check_mark(beginning: bytes, name: str, policy: ErrorPolicy) -> None:
    """Raise `DataError` if a file begins with the byte order mark of another encoding."""
    mark = next((one for one in MARKS if beginning.startswith(one)), None)
    if mark:
        raise DataError(f"{name}:1: it begins with the byte order mark of {MARKS[mark]}; give "
                        f"{policy.encoding}={MARKS[mark].lower()}")


def _decode(data: bytes, encoding: str, complete: bool) -> tuple[str, bytes]:
    """Return decoded text and, if more data follows, the bytes of an incomplete character at the end."""
    if complete:
        return data.decode(encoding), b""
    decoder = codecs.getincrementaldecoder(encoding)()
    text = decoder.decode(data, False)
    return text, decoder.getstate()[0]
