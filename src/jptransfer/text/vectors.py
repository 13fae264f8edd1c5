"""Word vectors made elsewhere: a safe reader of files that keeps the wanted words alone, however large the file is."""

from __future__ import annotations

import re
from collections.abc import Callable, Container, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import BinaryIO

import numpy as np

from jptransfer.errors import DataError
from jptransfer.files import DAMAGED, open_bytes
from jptransfer.text.polyglot import polyglot_rows

LONGEST_LINE = 1 << 20
"""Bytes; no word with its vector is that long."""

PICKLE = b"\x80"
"""First byte of a pickle since protocol 2, and of no text in UTF-8."""
_HEADER = re.compile(rb"(\d{1,18}) (\d{1,9}) ?")
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
    """Read the vectors of the words in `wanted` from a file of word2vec (``-binary 0``), fastText or Polyglot.

    A row of text is a word (which may hold spaces), and numbers separated by single spaces; the first line may say how
    many rows of how many numbers there are. Memory grows with the wanted words alone. Polyglot's pickle is known by its
    first byte, and nothing of it is executed. The file may be compressed (``.gz .bz2 .xz .zst``). A further format
    is one more function that yields rows, chosen here.

    Raises:
        DataError: the file is missing, damaged, empty, cut off, not UTF-8, or a row has no word, too few or too many
            numbers, or (of a wanted word) something that is no finite number of 32 bits.
    """
    try:
        with open_bytes(path) as stream:
            first = stream.peek(1)[:1]  # type: ignore[attr-defined]
            rows = _pickled_rows(stream, path) if first == PICKLE else _text_rows(stream, path)
            return _collect(rows, wanted, path)
    except DAMAGED as error:
        reason = getattr(error, "strerror", None) or error or type(error).__name__
        raise DataError(f"{path}: missing, damaged, truncated or unreadable ({reason})") from error


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
    if not width and line:
        raise DataError(f"{path}:{number}: no word with numbers after it")
    found = 0
    if line and not header:
        found = 1
        yield _text_row(line, width, f"{path}:{number}")
    for number, line in lines:
        found += 1
        yield _text_row(line, width, f"{path}:{number}")
    if promised is not None and found != promised:
        raise DataError(f"{path}: its first line speaks of {promised} words, but there are {found}; it is damaged")


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
        raise DataError(f"{place}: {_trailing_numbers(line)} numbers after the word, but the rows have {width}")
    return b" ".join(fields[:-width]), b" ".join(fields[-width:])


def _numbers(fields: bytes) -> np.ndarray:
    values = fields.split(b" ")
    for value in values:
        if not _is_number(value):
            raise ValueError(f"'{value.decode('utf-8', 'replace')}' is not a number")
    return np.array([float(value) for value in values], dtype=np.float64).astype(np.float32)
