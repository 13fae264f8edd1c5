"""Word vectors made elsewhere: a safe reader of files that keeps the wanted words alone, however large the file is."""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable, Container, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import BinaryIO

import numpy as np

from jptransfer.errors import DataError
from jptransfer.files import CHUNK, DAMAGED, open_bytes, reason
from jptransfer.text.polyglot import polyglot_rows

LONGEST_LINE = 1 << 20
"""Bytes; no word with its vector is that long."""
BEGINNING = 8192
"""Bytes at the start of a file that tell what it is."""

PICKLE = b"\x80"
"""First byte of a pickle since protocol 2, and of no text in UTF-8."""
_HEADER = re.compile(rb"(-?\d{1,40}) (\d{1,9}) ?")
_CONTROL = re.compile(rb"[\x00-\x08\x0e-\x1f]")
_DECIMAL = re.compile(rb"[+-]?(\d+\.\d*|\.?\d+)([eE][+-]?\d+)?")

Row = tuple[str, str, Callable[[], np.ndarray]]
"""Place of a row for messages, its word, and how to read its vector: rows that nobody wants are not parsed."""


@dataclass(frozen=True)
class WordVectors:
    """Vectors of the wanted words of a file.

    Attributes:
        vectors: word -> (width,) float32, in the order of the file.
        width: numbers in a vector.
        words: rows of the file.
        duplicates: rows of wanted words whose word had come before; the first one counts.
    """

    vectors: dict[str, np.ndarray]
    width: int
    words: int
    duplicates: int


def read_vectors(path: Path, wanted: Container[str]) -> WordVectors:
    """Read the vectors of the words in `wanted` from a file of word2vec, fastText (``.vec``) or Polyglot.

    A row of text is a word (which may hold spaces), and numbers separated by single spaces; the first line may say how
    many rows of how many numbers there are. In word2vec's binary files it always does, and a row is a word, a space and
    numbers of 4 bytes; they are known by a NUL in their first row, or by a first row that is none of text. Memory grows
    with the wanted words alone. Polyglot's pickle is known by its first byte, and nothing of it is executed. The file
    may be compressed (``.gz .bz2 .xz .zst``). A further format is one more function that yields rows, chosen in
    `_rows`.

    Raises:
        DataError: the file is missing, damaged, empty, cut off, not UTF-8, or a row has no word, too few or too many
            numbers, or (of a wanted word) something that is no finite number of 32 bits.
    """
    try:
        with open_bytes(path) as stream:
            return _collect(_rows(stream, path), wanted, path)
    except DAMAGED as error:
        raise DataError(f"{path}: missing, damaged, truncated or unreadable ({reason(error)})") from error


def _rows(stream: BinaryIO, path: Path) -> Iterator[Row]:
    start = stream.peek(BEGINNING)  # type: ignore[attr-defined]
    if start[:1] == PICKLE:
        return _pickled_rows(stream, path)
    line, _, rest = start.partition(b"\n")
    if header := _HEADER.fullmatch(line):
        first = rest.partition(b"\n")[0].rstrip(b"\r")
        if b"\0" in first or _trailing_numbers(first) < int(header[2]) and not _is_text(rest):
            return _binary_rows(stream, path)
    return _text_rows(stream, path)


def _is_text(content: bytes) -> bool:
    """Whether bytes, whose last character may be cut, are UTF-8 without control characters."""
    try:
        codecs.getincrementaldecoder("utf-8")().decode(content)
    except UnicodeDecodeError:
        return False
    return not _CONTROL.search(content)


def _collect(rows: Iterator[Row], wanted: Container[str], path: Path) -> WordVectors:
    vectors: dict[str, np.ndarray] = {}
    words = duplicates = width = 0
    for words, (place, word, read) in enumerate(rows, 1):
        if words > 1 and word not in wanted:
            continue
        vector = _finite(place, read)
        width = len(vector)
        if word in vectors:
            duplicates += 1
        elif word in wanted:
            vectors[word] = vector
    if not words:
        raise DataError(f"{path}: there are no word vectors in it")
    return WordVectors(vectors, width, words, duplicates)


def _finite(place: str, read: Callable[[], np.ndarray]) -> np.ndarray:
    try:
        with np.errstate(over="ignore"):
            vector = read()
    except ValueError as error:
        raise DataError(f"{place}: {error}") from None
    if not np.isfinite(vector).all():
        raise DataError(f"{place}: a number is not finite (NaN, infinite or beyond 32 bits)")
    return vector


def _text_rows(stream: BinaryIO, path: Path) -> Iterator[Row]:
    lines = _lines(stream, path)
    number, line = next(lines, (0, b""))
    line = line.removeprefix(b"\xef\xbb\xbf")
    header = _HEADER.fullmatch(line)
    promised = int(header[1]) if header else None
    width = int(header[2]) if header else _trailing_numbers(line)
    if not width and not _is_text(line):
        raise DataError(f"{path}: neither vectors of word2vec (text or binary), fastText (.vec) or Polyglot, nor text")
    if not width and line:
        raise DataError(f"{path}:{number}: no word with numbers after it, separated by spaces")
    found = 0
    if line and not header:
        found = 1
        yield _text_row(line, width, f"{path}:{number}")
    for number, line in lines:
        found += 1
        yield _text_row(line, width, f"{path}:{number}")
    if promised is not None and found != promised:
        raise DataError(f"{path}: its first line speaks of {promised} words, but there are {found}; it is damaged")


def _binary_rows(stream: BinaryIO, path: Path) -> Iterator[Row]:
    """Yield the rows of word2vec's ``-binary 1``; a line feed may stand between two of them."""
    promised, width = map(int, stream.readline().split())
    size = 4 * width
    if size > LONGEST_LINE:
        raise DataError(f"{path}:1: vectors of {width} numbers; this is no file of vectors")
    held, at = b"", 0
    for row in range(1, promised + 1):
        place = f"{path}: vector {row} of {promised}"
        while (end := held.find(b" ", at)) < 0 or len(held) < end + 1 + size:
            more = stream.read(CHUNK)
            if not more or len(held) - at > LONGEST_LINE:
                raise DataError(f"{place}: the file ends before it is complete" if not more else
                                f"{place}: a word of more than {LONGEST_LINE} bytes; is the first line true?")
            held, at = held[at:] + more, 0
        yield place, _binary_word(held[at:end], place), partial(_binary_numbers, held, end + 1, width)
        at = end + 1 + size
    if (held[at:] + stream.read(CHUNK)).strip(b"\n"):
        raise DataError(f"{path}: its first line speaks of {promised} words with {width} numbers each, but there is "
                        "more; it is damaged")


def _binary_word(content: bytes, place: str) -> str:
    word = content.lstrip(b"\n")
    if not word:
        raise DataError(f"{place}: there is no word before the numbers")
    try:
        return word.decode("utf-8")
    except UnicodeDecodeError:
        raise DataError(f"{place}: the word is not UTF-8; is the file whole, and its first line true?") from None


def _binary_numbers(content: bytes, start: int, width: int) -> np.ndarray:
    return np.frombuffer(content, "<f4", width, start).astype(np.float32)


def _pickled_rows(stream: BinaryIO, path: Path) -> Iterator[Row]:
    try:
        words, vectors = polyglot_rows(stream)
    except DataError as error:
        raise DataError(f"{path}: {error}") from None
    for number, word in enumerate(words):
        yield f"{path}: vector {number}", word, partial(vectors.__getitem__, number)


def _lines(stream: BinaryIO, path: Path) -> Iterator[tuple[int, bytes]]:
    number = 0
    while line := stream.readline(LONGEST_LINE):
        number += 1
        if len(line) == LONGEST_LINE:
            raise DataError(f"{path}:{number}: a line of more than {LONGEST_LINE} bytes; this is no file of vectors")
        yield number, line.rstrip(b"\r\n")


def _trailing_numbers(line: bytes) -> int:
    """Return how many numbers the line ends in; its first field is a word in any case."""
    fields = line.rstrip(b" ").split(b" ")[1:]
    words = [place for place, field in enumerate(fields, 1) if not _is_number(field)]
    return len(fields) - (words[-1] if words else 0)


def _is_number(field: bytes) -> bool:
    return bool(_DECIMAL.fullmatch(field)) or field.lower().lstrip(b"+-") in (b"nan", b"inf", b"infinity")


def _text_row(line: bytes, width: int, place: str) -> Row:
    line = line.rstrip(b" ")
    if line.count(b" ") == width:
        word, _, numbers = line.partition(b" ")
    else:
        word, numbers = _spaced_word(line, width, place)
    if not word:
        raise DataError(f"{place}: there is no word before the numbers")
    try:
        return place, word.decode("utf-8"), lambda: _numbers(numbers)
    except UnicodeDecodeError:
        raise DataError(f"{place}: the word is not UTF-8") from None


def _spaced_word(line: bytes, width: int, place: str) -> tuple[bytes, bytes]:
    """Divide a row whose word holds spaces; a row that has one decimal number too many is not taken for one."""
    fields = line.split(b" ")
    extra = fields[1:len(fields) - width]
    if len(fields) <= width or any(b"." in field and _is_number(field) for field in extra):
        raise DataError(f"{place}: {_trailing_numbers(line)} numbers after the word, but the first line tells of "
                        f"{width}")
    return b" ".join(fields[:-width]), b" ".join(fields[-width:])


def _numbers(fields: bytes) -> np.ndarray:
    values = fields.split(b" ")
    for value in values:
        if not _is_number(value):
            raise ValueError(f"'{value.decode('utf-8', 'replace')}' is not a number")
    return np.array([float(value) for value in values], dtype=np.float64).astype(np.float32)
