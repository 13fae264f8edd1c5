"""What `jpt predict` writes: one answer per text, in one of several formats.

Offsets are those of characters (code points) in the text as it was given, whatever the format. Of an entity white space
at its ends is left out, and an entity of white space alone altogether: pieces of SentencePiece may hold nothing else.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Protocol, Self, TextIO

from jptransfer.files import json_text
from jptransfer.tasks.abilities import MarksSpans
from jptransfer.tasks.base import Task
from jptransfer.tasks.entity_rows import CONTROLS, one_word
from jptransfer.tasks.files import PAIR
from jptransfer.tasks.spans import Span, tag_units, to_units

Row = dict[str, Any]

_ESCAPES = {ord(character): escape for character, escape in zip("\\\t\n\r", (r"\\", r"\t", r"\n", r"\r"), strict=True)}
_ESCAPED = {code: f"\\u{code:04x}" for code in (0x85, 0x2028, 0x2029, *range(0xD800, 0xE000))}
"""What JSON lets stand in a string and some readers of lines take for a line's end, and what UTF-8 has no bytes for."""
_CONFIGURATION = "[entities]\n{}\n\n[relations]\n\n[events]\n\n[attributes]\n"


class PredictionWriter(Protocol):
    """What predictions are written to, one after the other."""

    def add(self, row: Row, found: Any) -> None:
        """Write the prediction of the text in the input's `row`."""


class TableWriter:
    """TSV with a header; in texts a tab, line feed, carriage return and backslash are written ``\\t \\n \\r \\\\``.

    A model of pairs of texts has a column ``text_pair`` after the text. The next columns are the task's (`Task.cells`):
    prediction, probability, ``probability:<label>`` for each label; a number; entities as
    ``start:end:probability:type``, separated by spaces, those in types written ``_``.
    """

    def __init__(self, stream: TextIO, task: Task, paired: bool = False) -> None:
        self._stream, self._task = stream, task
        self._texts = ["text", PAIR] if paired else ["text"]
        self._line(*self._texts, *task.columns)

    def add(self, row: Row, found: Any) -> None:
        """Write a line (see `PredictionWriter`)."""
        self._line(*(row[name] for name in self._texts), *self._task.cells(found))

    def _line(self, *cells: str) -> None:
        self._stream.write("\t".join(cell.translate(_ESCAPES) for cell in cells) + "\n")


class JsonWriter:
    """JSON lines: the fields of a JSON input, text (and text_pair), and the answer.

    The answer's fields are the task's (`Task.values`): prediction, probability and probabilities by label; a number;
    entities as a list of objects with start, end, type, text and score, the probability.
    """

    def __init__(self, stream: TextIO, task: Task) -> None:
        self._stream, self._task = stream, task

    def add(self, row: Row, found: Any) -> None:
        """Write a line (see `PredictionWriter`)."""
        self._stream.write(json_text({**row, **self._task.values(found)}).translate(_ESCAPED) + "\n")


class ColumnWriter:
    """CoNLL columns: token, start, end, probability of the entity (or ``_``) and IOB2 tag, separated by tabs.

    Tokens are the units that the model tagged; a blank line ends a text. White space and control characters in tokens
    and types are written ``_``; units of white space alone, and so texts of nothing else, are left out.
    """

    def __init__(self, stream: TextIO, task: MarksSpans) -> None:
        self._stream, self._task = stream, task

    def add(self, row: Row, found: Any) -> None:
        """Write the lines of a text (see `PredictionWriter`)."""
        units = [unit for unit in self._task.units(found) if found.text[slice(*unit)].strip()]
        scored = self._task.spans(found)
        spans, _ = to_units([span for span, _ in scored], units)
        shown = ["_"] * len(units)
        for (first, last, _), (_, score) in zip(spans, scored, strict=True):
            shown[first:last] = [f"{score:.6f}"] * (last - first)
        for (start, end), score_text, tag in zip(units, shown, tag_units(len(units), spans), strict=True):
            cells = one_word(found.text[start:end]), str(start), str(end), score_text, one_word(tag)
            self._stream.write("\t".join(cells) + "\n")
        self._stream.write("\n" if units else "")


class BratWriter:
    """Standoff files for brat: a document's text (``.txt``), and beside it (``.ann``) entities, probabilities as notes.

    Lines of a text file are one document, of the file's name, with offsets into the file; objects of JSON lines are a
    document each, ``000001`` for the first. In both files control characters but the line feed are written as a space
    or U+FFFD each, so that every reader counts the same characters. brat has no entities over line feeds: their lines
    are written as the fragments of one entity, as brat does itself. ``annotation.conf`` names the types.
    """

    def __init__(self, folder: Path, task: MarksSpans, labels: Sequence[str], whole: str = "") -> None:
        """Take the folder, the task, its types and, if the texts are lines of one document, its name."""
        self._folder, self._task, self._count, self._open = folder, task, 0, ExitStack()
        self._document = self._open.enter_context(_Document(folder / whole)) if whole else None
        types = "\n".join(map(one_word, labels))
        (folder / "annotation.conf").write_text(_CONFIGURATION.format(types), encoding="utf-8")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *reason: object) -> None:
        self._open.close()

    def add(self, row: Row, found: Any) -> None:
        """Write the text and its entities (see `PredictionWriter`)."""
        self._count += 1
        if self._document:
            self._document.add(found.text, self._task.spans(found), "\n")
            return
        with _Document(self._folder / f"{self._count:06}") as document:
            document.add(found.text, self._task.spans(found))


class _Document:
    """A pair of files; offsets go on from text to text."""

    def __init__(self, path: Path) -> None:
        self._text, self._notes = (path.with_name(f"{path.name}.{suffix}").open("w", encoding="utf-8", newline="")
                                   for suffix in ("txt", "ann"))
        self._length = self._number = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *reason: object) -> None:
        self._text.close()
        self._notes.close()

    def add(self, text: str, spans: Sequence[tuple[Span, float]], end: str = "") -> None:
        text = CONTROLS.sub(lambda control: " " if control[0].isspace() else "\ufffd", text)
        self._text.write(text + end)
        for span, score in spans:
            self._number += 1
            lines = list(_fragments(text, span))
            places = ";".join(f"{self._length + first} {self._length + last}" for first, last in lines)
            shown = " ".join(text[first:last] for first, last in lines)
            self._notes.write(f"T{self._number}\t{one_word(span.type)} {places}\t{shown}\n"
                              f"#{self._number}\tAnnotatorNotes T{self._number}\t{score:.6f}\n")
        self._length += len(text) + len(end)


def _fragments(text: str, span: Span) -> Iterator[tuple[int, int]]:
    """Yield the places of a span's lines, those of white space left out."""
    for line in re.finditer("[^\n]+", text[span.start:span.end]):
        if line[0].strip():
            yield span.start + line.start(), span.start + line.end()
