"""Read rows of delimited files with quoted cells, such that a stray quote only affects its own line.

A quote that opens a cell by mistake joins everything up to the next quote into one cell. A row of several lines is
therefore read again, line by line, if its closing quote is missing or if most of its lines look like rows.
"""

from __future__ import annotations

import csv
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from jptransfer.corpora.error_policy import ErrorPolicy

LONGEST_CELL = 1 << 30
"""Maximum number of characters per cell; the default of the csv module is 131,072."""
MOST_LINES = 1000
"""Maximum number of lines per row; a quote that is not closed within these lines counts as a mistake."""
UNQUOTED = "set quotes=no if quotes are plain characters in this file"
CARRIAGE_RETURN = "a carriage return in a cell without quotes; lines end in a line feed, with or without one before it"


@dataclass(frozen=True)
class Row:
    """The cells of a row and the number (from 1) of its first line."""

    line: int
    cells: list[str]


def delimited_rows(lines: Iterator[tuple[int, str]], name: str, separator: str, quotes: str,
                   policy: ErrorPolicy) -> Iterator[Row]:
    """Yield the rows of a file; blank lines are skipped, malformed lines are reported to `policy`.

    Args:
        lines: number and text of each line, without line ends.
        name: name of the file for messages.
        separator: character between cells.
        quotes: "yes": quotes are special, and a row may have any number of lines; "auto": quotes are special, and rows
            that seem to contain other rows are reported; "no": quotes are plain characters.
        policy: where errors are reported.
    """
    csv.field_size_limit(LONGEST_CELL)
    reader = _Lines(lines, separator)
    while reader.waiting():
        line, cells, problem = reader.row(quotes)
        if problem:
            policy.report("malformed", f"{name}:{line}", problem)
        elif cells:
            yield Row(line, cells)


class _Lines:
    """Iterator over lines that can be pushed back."""

    def __init__(self, lines: Iterator[tuple[int, str]], separator: str) -> None:
        self.lines, self.separator = lines, separator
        self.ahead: deque[tuple[int, str]] = deque()
        self.width, self.spaced = 0, False

    def waiting(self) -> bool:
        """Return whether there is another line."""
        if not self.ahead and (line := next(self.lines, None)):
            self.ahead.append(line)
        return bool(self.ahead)

    def row(self, quotes: str) -> tuple[int, list[str], str]:
        """Return the line number of the next row, its cells, and a problem, after which only that line is consumed."""
        used: list[tuple[int, str]] = []

        def feed() -> Iterator[str]:
            while len(used) < MOST_LINES and self.waiting():
                used.append(self.ahead.popleft())
                yield f"{used[-1][1]}\n"

        quoting: Literal[0, 3] = csv.QUOTE_NONE if quotes == "no" else csv.QUOTE_MINIMAL
        try:
            cells = next(csv.reader(feed(), delimiter=self.separator, quoting=quoting, strict=True), [])
            problem = self._merged(used) if quotes == "auto" and len(used) > 1 else ""
        except csv.Error as error:
            cells, problem = [], self._explained(error, used)
        if problem:
            self.ahead.extendleft(reversed(used[1:]))
        elif cells and not self.width:
            self.width, self.spaced = len(cells), any(cell.startswith(" ") for cell in cells[1:])
        return used[0][0], cells, problem

    def _merged(self, used: list[tuple[int, str]]) -> str:
        """Return a problem if a row of several lines seems to contain other rows, otherwise an empty string.

        This is the case if most of its lines have as many separators as a row. One line is not counted, because the
        first line of a cell in the last column, or the last line of a cell in the first column, has as many, too.
        Blank lines are not counted, but two lines only suffice if they are adjacent.
        """
        width = self.width or self._separators(used[0][1]) + 1
        lines = [text for _, text in used if text.strip()]
        alike = sum(self._separators(text) == width - 1 for text in lines)
        if width < 2 or 2 * (alike - 1) <= len(lines) - 1 or (alike == 2 and len(used) > 2):
            return ""
        return (f"a quote opens here and closes in line {used[-1][0]}, and {alike:,} of these {len(used):,} lines look "
                f"like rows; {UNQUOTED}, and quotes=yes if it is one cell of several lines")

    def _separators(self, text: str) -> int:
        """Return the number of separators in a line.

        A separator before a space counts as punctuation, unless cells of the first row begin with a space.
        """
        separators = text.count(self.separator)
        return separators if self.spaced else separators - text.count(f"{self.separator} ")

    def _explained(self, error: csv.Error, used: list[tuple[int, str]]) -> str:
        said = str(error)
        if "new-line" in said:
            return CARRIAGE_RETURN
        if "unexpected end" in said:
            return f"a quote opens here and is not closed within {len(used):,} lines; {UNQUOTED}"
        return f"{said}; {UNQUOTED}" if '"' in said else said
