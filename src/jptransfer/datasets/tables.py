"""Rows of delimited files and JSON lines, their columns chosen by name or number."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain, combinations, islice
from pathlib import Path
from typing import Any

from jptransfer.config import OnError, Quotes, TaskConfig
from jptransfer.corpora.delimited import delimited_rows
from jptransfer.corpora.error_policy import ErrorPolicy, json_lines, parse_json, read_lines
from jptransfer.datasets.separators import SEPARATORS
from jptransfer.datasets.text_file_settings import TextFileConfig
from jptransfer.errors import ConfigError, DataError, unknown
from jptransfer.files import bare_suffix

BY_SUFFIX = {".csv": ",", ".tsv": "\t", ".tab": "\t", ".txt": "\t"}
JSON_LINES = (".jsonl", ".ndjson", ".json")
SURROGATE = re.compile("[\ud800-\udfff]")

Row = tuple[str, dict[str, str]]
"""Where a row stands (``file:line``) and its cells by role."""


def read_rows(path: Path, columns: Mapping[str, str], layout: TextFileConfig, encoding: str,
              policy: ErrorPolicy) -> Iterator[Row]:
    """Yield the cells of each row by role; blank lines are passed over.

    Args:
        path: delimited file or JSON lines, by its name.
        columns: role -> the column's name or number.
        layout: separator, header and quotes of a delimited file.
        encoding: of the characters.
        policy: gets the rows that are malformed or lack a column.

    Raises:
        DataError: a column is in no row of the file; the message lists what there is.
    """
    if bare_suffix(path) in JSON_LINES and not layout.separator:
        return _json_rows(path, columns, encoding, policy)
    return _delimited_rows(path, columns, layout, encoding, policy)


def first_rows(config: TaskConfig, columns: Mapping[str, str], layout: TextFileConfig) -> Iterator[Row]:
    """Yield the first row of each file of a task that exists; malformed rows are left to the reader.

    Raises:
        ConfigError: two roles have the same column.
        DataError: a column is not in a file.
    """
    check_different(columns)
    for place in config.named_files().values():
        path = Path(place).expanduser()
        if path.is_file():
            policy = ErrorPolicy(OnError.skip, encoding="task.encoding")
            yield from islice(read_rows(path, columns, layout, config.encoding, policy), 1)


def check_different(columns: Mapping[str, str]) -> None:
    """Raise `ConfigError` if text, second text and label are not columns of their own."""
    roles = [role for role in ("text", "label", "text_pair") if role in columns]
    for one, other in combinations(roles, 2):
        if columns[one] == columns[other]:
            raise ConfigError(f"{_setting(other)}={columns[other]} is {_setting(one)} too; it must be another one")


def separator_of(path: Path, name: str) -> str:
    """Return the separator that a name stands for, or the one of the file's suffix where the name is empty."""
    if name:
        return SEPARATORS.get(name, name)
    if bare_suffix(path) not in BY_SUFFIX:
        raise ConfigError(f"separator: what separates the columns of '{path.name}'? (tab, comma, ...)")
    return BY_SUFFIX[bare_suffix(path)]


def _delimited_rows(path: Path, columns: Mapping[str, str], layout: TextFileConfig, encoding: str,
                    policy: ErrorPolicy) -> Iterator[Row]:
    rows = _csv(path, layout, encoding, policy)
    first = next(rows, None)
    if first is None:
        return
    named = not all(is_number(column) for column in columns.values()) or _numbers_itself(first[1], columns.values())
    header = first[1] if layout.header or (layout.header is None and named) else None
    places = {role: _place(path, role, column, first[1], header is not None) for role, column in columns.items()}
    for where, row in rows if header else chain([first], rows):
        if len(row) == len(first[1]):
            yield where, {role: row[place] for role, place in places.items()}
        else:
            policy.report("malformed", where, f"{len(row)} columns instead of {len(first[1])} as in the first line")


def _numbers_itself(first: list[str], columns: Iterable[str]) -> bool:
    """Return whether a first line is the header ``0,1,…`` of a table whose columns have no names but their numbers."""
    return all(first[int(column):][:1] == [column] for column in columns)


def is_number(column: str) -> bool:
    """Return whether a column is given by number: digits, with a minus to count from the end."""
    return column.removeprefix("-").isdecimal()


def _setting(role: str) -> str:
    """Return what the configuration calls the column of a role."""
    return f"task.{'' if role in ('text', 'text_pair', 'label') else 'text_file.'}{role}_column"


def _place(path: Path, role: str, column: str, first: list[str], named: bool) -> int:
    """Index of a role's column in rows as wide as `first`, which is the header if columns are `named`."""
    if named and first.count(column) > 1:
        places = [str(place) for place, name in enumerate(first) if name == column]
        raise DataError(f"{path}: columns {' and '.join(places)} (0 is the first) are named '{column}'; rename all but "
                        f"one ({_setting(role)})")
    if named and column in first:
        return first.index(column)
    if not is_number(column) and not named:
        raise ConfigError(f"{path}: column '{column}' has a name, but the file is read without header "
                          f"({_setting(role)})")
    if not is_number(column):
        alone = ", nothing else: is the separator right?" if len(first) == 1 else ""
        raise DataError(f"{path}: {unknown('column', column, first)}{alone} ({_setting(role)})")
    if not -len(first) <= int(column) < len(first):
        raise DataError(f"{path}: there is no column {column}, the file has {len(first)} (0 is the first; "
                        f"{_setting(role)})")
    return int(column)


def _csv(path: Path, layout: TextFileConfig, encoding: str, policy: ErrorPolicy) -> Iterator[tuple[str, list[str]]]:
    separator = separator_of(path, layout.separator)
    quotes = "no" if layout.quotes is Quotes.auto and separator == "\t" else layout.quotes.value
    lines = read_lines(path, encoding, policy)
    yield from ((f"{path}:{row.line}", row.cells)
                for row in delimited_rows(lines, str(path), separator, quotes, policy))


def _json_rows(path: Path, columns: Mapping[str, str], encoding: str, policy: ErrorPolicy) -> Iterator[Row]:
    first = True
    for where, record in _json_records(path, encoding, policy):
        lacking = [role for role, column in columns.items() if column not in record]
        if lacking and first:
            raise DataError(f"{path}: {unknown('field', columns[lacking[0]], record)} ({_setting(lacking[0])})")
        first = False
        cells = {role: _cell(record.get(column)) for role, column in columns.items()}
        if lacking or None in cells.values():
            policy.report("malformed", where, f"no text or number under: {', '.join(columns.values())}")
        else:
            yield where, cells  # type: ignore[misc]


def _json_records(path: Path, encoding: str, policy: ErrorPolicy) -> Iterator[tuple[str, dict[str, Any]]]:
    for number, line in json_lines(read_lines(path, encoding, policy), str(path)):
        if not line.strip():
            continue
        try:
            record = parse_json(line)
        except ValueError as error:
            policy.report("malformed", f"{path}:{number}", f"not JSON ({error}); one object a line is expected")
            continue
        if isinstance(record, dict):
            yield f"{path}:{number}", record
        else:
            policy.report("malformed", f"{path}:{number}", "not a JSON object")


def _cell(value: Any) -> str | None:
    """Return a JSON scalar as text (``true``, ``false``); None for NaN, half a surrogate pair and other values."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and not math.isfinite(value):
        return None
    text = str(value) if isinstance(value, str | int | float) else None
    return None if text is None or SURROGATE.search(text) else text
