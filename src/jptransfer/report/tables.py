"""One table and the ways to write it: Markdown, CSV and LaTeX; HTML is a macro of the page's templates.

A table holds what is to be read (text) beside what was measured (values), so that CSV and JSON keep full precision.
Nothing heavy is imported: `jpt run` prints a stored table without loading the libraries that computed it.
"""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field, replace
from itertools import compress, groupby
from typing import Any

Value = str | int | float | bool | None


@dataclass(frozen=True)
class Column:
    """A column: `key` heads it in CSV and JSON, `title` where people read it; numbers align right.

    Neighbours of the same `group` stand under it as a heading of their own.
    """

    key: str
    title: str
    number: bool = False
    group: str = ""

    @property
    def heading(self) -> str:
        """Group and title on one line, where there is no room for two."""
        return f"{self.group}: {self.title}" if self.group else self.title


@dataclass(frozen=True)
class Cell:
    """What is read, what was measured (the text itself if nothing was), and how it stands out.

    Attributes:
        text: the formatted content.
        value: the value at full precision, for CSV and JSON.
        bold: the best of its column.
        mark: a sign explained in the caption, shown raised behind the text.
        values: further values at full precision, each a column ``<key>_<name>`` of the CSV (limits of an interval).
    """

    text: str
    value: Value = None
    bold: bool = False
    mark: str = ""
    values: dict[str, Value] = field(default_factory=dict)


NOTHING = Cell("–")
"""Where there is no value."""


@dataclass(frozen=True)
class Table:
    """A titled table; every row has one cell a column. `notes` stand under the caption, each on a line of its own."""

    title: str
    columns: list[Column]
    rows: list[list[Cell]]
    caption: str = ""
    notes: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        wrong = [row for row in self.rows if len(row) != len(self.columns)]
        if wrong:
            raise ValueError(f"table '{self.title}': a row has {len(wrong[0])} cells for {len(self.columns)} columns")

    @property
    def groups(self) -> list[tuple[str, int]]:
        """Heading and number of columns of neighbours in one group; empty where no column has one."""
        found = [(name, len(list(members))) for name, members in groupby(column.group for column in self.columns)]
        return found if any(name for name, _ in found) else []

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON data that `from_json` reads back."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Table:
        """Return the table that `to_json` described."""
        return cls(data["title"], [Column(**column) for column in data["columns"]],
                   [[Cell(**cell) for cell in row] for row in data["rows"]], data.get("caption", ""),
                   data.get("notes", []))


def text_table(title: str, columns: Iterable[str | Column], rows: Iterable[Iterable[Any]], caption: str = "") -> Table:
    """Return a table of plain values; columns that hold only numbers align right."""
    body = [[value if isinstance(value, Cell) else plain(value) for value in row] for row in rows]
    heads = []
    for index, column in enumerate(columns):
        number = bool(body) and all(isinstance(row[index].value, int | float | None) for row in body)
        heads.append(column if isinstance(column, Column) else Column(column.replace(" ", "_"), column, number))
    return Table(title, heads, body, caption)


def without_empty_columns(table: Table) -> Table:
    """Return the table without columns in which no row has a value."""
    keep = [any(cell != NOTHING for cell in cells) for cells in _by_column(table)]
    rows = [list(compress(row, keep)) for row in table.rows]
    return replace(table, columns=list(compress(table.columns, keep)), rows=rows)


def plain(value: Any) -> Cell:
    """Return a cell for a plain value; a float is written with four digits that count."""
    if value is None:
        return NOTHING
    if isinstance(value, bool):
        return Cell("yes" if value else "no", value)
    if isinstance(value, int):
        return Cell(f"{value:,}", value)
    if isinstance(value, float):
        return Cell(_digits(value), value)
    return Cell(str(value), str(value))


def markdown(table: Table) -> str:
    """Return a GitHub Markdown table, aligned also as plain text where it holds wide characters."""
    from rich.cells import cell_len

    def show(cell: Cell) -> str:
        # A "<" before a space opens no tag: "< .001" stays readable in a terminal.
        text = re.sub(r"<(?=\S)", "&lt;", _one_line(cell.text).replace("\\", "\\\\").replace("|", "\\|"))
        return (f"**{text}**" if cell.bold and text else text) + cell.mark

    def pad(cells: Iterable[str]) -> str:
        padded = [" " * (width - cell_len(text)) + text if column.number else text + " " * (width - cell_len(text))
                  for text, width, column in zip(cells, widths, table.columns, strict=True)]
        return f"| {' | '.join(padded)} |"

    body = [[column.heading for column in table.columns], *([show(cell) for cell in row] for row in table.rows)]
    widths = [max(3, *(cell_len(row[i]) for row in body)) for i in range(len(table.columns))]
    rule = ["-" * (w - 1) + ":" if column.number else "-" * w for column, w in zip(table.columns, widths, strict=True)]
    return "\n".join(map(pad, (body[0], rule, *body[1:]))) + "\n"


def document(tables: Iterable[Table]) -> str:
    """Return Markdown with a heading and a caption for each table."""
    parts = []
    for table in tables:
        parts += [f"## {_one_line(table.title)}\n", markdown(table)]
        parts += [f"{table.caption}\n"] if table.caption else []
        parts += ["\n".join(f"- {_one_line(note)}" for note in table.notes) + "\n"] if table.notes else []
    return "\n".join(parts)


def csv_text(table: Table) -> str:
    """Return comma-separated values (RFC 4180, `\\n`) at full precision; extra values of a cell follow its column."""
    extras = [list(dict.fromkeys(name for cell in cells for name in cell.values)) for cells in _by_column(table)]
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow([for_spreadsheets(head) for column, names in zip(table.columns, extras, strict=True)
                     for head in (column.key, *(f"{column.key}_{name}" for name in names))])
    for row in table.rows:
        writer.writerow([for_spreadsheets(value) for cell, names in zip(row, extras, strict=True)
                         for value in (_measured(cell), *(cell.values.get(name) for name in names))])
    return stream.getvalue()


def for_spreadsheets(value: Any) -> Any:
    """Return a value of a CSV file; text that a spreadsheet would run as a formula gets a quotation mark before it."""
    return f"'{value}" if isinstance(value, str) and value.startswith(("=", "+", "-", "@", "\t", "\r")) else value


def latex(table: Table, label: str = "") -> str:
    """Return a LaTeX table for the package booktabs; Japanese text needs an engine that sets it (LuaLaTeX, upLaTeX)."""
    def show(cell: Cell) -> str:
        text = escape_latex(_one_line(cell.text))
        bold = f"\\textbf{{{text}}}" if cell.bold else text
        return bold + (f"\\textsuperscript{{{escape_latex(cell.mark)}}}" if cell.mark else "")

    heads = " & ".join(escape_latex(column.title) for column in table.columns)
    body = [" & ".join(show(cell) for cell in row) for row in table.rows]
    caption = ". ".join(part.rstrip(".") for part in (table.title, table.caption, *table.notes) if part)
    lines = [r"\begin{table}", r"\centering", f"\\caption{{{escape_latex(caption)}.}}",
             *([f"\\label{{{label}}}"] if label else []),
             f"\\begin{{tabular}}{{{''.join('r' if c.number else 'l' for c in table.columns)}}}",
             r"\toprule", *_latex_groups(table), f"{heads} \\\\", r"\midrule",
             *(f"{line} \\\\" for line in body), r"\bottomrule", r"\end{tabular}", r"\end{table}"]
    return "\n".join(lines) + "\n"


def _latex_groups(table: Table) -> Iterator[str]:
    groups, first, rules = table.groups, 1, []
    for name, size in groups:
        rules += [f"\\cmidrule(lr){{{first}-{first + size - 1}}}"] if name else []
        first += size
    if groups:
        cells = [f"\\multicolumn{{{size}}}{{c}}{{{escape_latex(name)}}}" if name else " & " * (size - 1)
                 for name, size in groups]
        yield f"{' & '.join(cells)} \\\\"
        yield " ".join(rules)


_LATEX: dict[str, str] = {
    "\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_", "{": r"\{", "}": r"\}",
    "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "<": r"\textless{}", ">": r"\textgreater{}",
    "–": "--", "−": "$-$", "Δ": r"$\Delta$", "±": r"$\pm$", "↑": r"$\uparrow$", "↓": r"$\downarrow$", "≤": r"$\leq$",
    "×": r"$\times$", "·": r"$\cdot$",
}


def escape_latex(text: str) -> str:
    """Return `text` with LaTeX's special characters, and the signs our tables use, as commands."""
    return "".join(_LATEX.get(character, character) for character in text)


def _digits(value: float) -> str:
    if not math.isfinite(value) or value == 0:
        return str(value)
    text = f"{value:,.{max(0, 3 - math.floor(math.log10(abs(value))))}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _by_column(table: Table) -> list[list[Cell]]:
    return [[row[i] for row in table.rows] for i in range(len(table.columns))]


def _measured(cell: Cell) -> Value:
    return cell.text if cell.value is None and cell != NOTHING else cell.value


def _one_line(text: str) -> str:
    return " ".join(text.split())
