"""Texts with entities as character spans, in JSON (a list) or JSON lines; what their fields are called is a setting."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from jptransfer.config import TaskConfig
from jptransfer.corpora.intake import Intake, read_lines
from jptransfer.datasets.base import RawDataset, data_files, intake, reader_options
from jptransfer.errors import DataError, unknown
from jptransfer.files import open_bytes
from jptransfer.tasks.ner import EntityExample
from jptransfer.tasks.spans import Span

OPTIONS = {name: (default,) for name, default in {
    "entities": "entities", "type": "type", "start": "start", "end": "end", "span": "", "name": "", "group": "",
    "id": "",
}.items()}


def read(config: TaskConfig) -> RawDataset:
    """Read ``files.train``, ``validation``, ``test`` or ``all``; the text is under ``text_column``.

    Fields are named by ``options``: `entities` (a list of objects in the record) with `type`, and `start` and `end`
    (half-open, in characters) or `span` (a list of both), or lists of start, end and type, as annotation tools write
    them; `name`, where given, is checked against the text; `id`; and `group`, whose records no split divides. Of
    entities that overlap the longest stays, of equals the first.
    """
    options = reader_options(config, dict.fromkeys(OPTIONS, ("",)))
    options = {name: options[name] or OPTIONS[name][0] for name in OPTIONS}
    trouble = intake(config)
    data = RawDataset({}, trouble.skipped)
    seen: Counter[str] = Counter()
    for role, path in data_files(config).items():
        examples = data.splits.setdefault(role, [])
        for where, record in _records(path, config.encoding, trouble):
            _check_fields(path, record, config.text_column, options, first=not examples)
            try:
                text, spans = record[config.text_column], _spans(record, config.text_column, options)
            except (KeyError, TypeError, ValueError) as error:
                trouble.trouble("malformed", where, f"{type(error).__name__}: {error}")
                continue
            kept = disjoint(spans)
            data.counts["overlapping entities"] += len(spans) - len(kept)
            group = str(record.get(options["group"], ""))
            seen[group or role] += 1
            name = str(record[options["id"]]) if options["id"] else f"{group or role}-{seen[group or role]}"
            examples.append(EntityExample(name, text, tuple(kept)))
            if group:
                data.groups[name] = group
    return data


def _records(path: Path, encoding: str, trouble: Intake) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield where a record stands and the record: items of one list, or a line each."""
    if not _is_list(path):
        lines = ((number, line) for number, line in read_lines(path, encoding, trouble) if line.strip())
        items = ((f"{path}:{number}", line) for number, line in lines)
    else:
        items = ((f"{path}: record {number}", item) for number, item in enumerate(_list(path, encoding)))
    for where, item in items:
        try:
            record = json.loads(item) if isinstance(item, str) else item
        except ValueError as error:
            trouble.trouble("malformed", where, f"not JSON ({error})")
            continue
        if isinstance(record, dict):
            yield where, record
        else:
            trouble.trouble("malformed", where, "not a JSON object")


def _is_list(path: Path) -> bool:
    with open_bytes(path) as stream:
        return stream.read(256).lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"[")


def _list(path: Path, encoding: str) -> list[Any]:
    try:
        with open_bytes(path) as stream:
            return json.loads(stream.read().decode(encoding))
    except (ValueError, LookupError) as error:
        raise DataError(f"{path}: not a JSON list ({error})") from error


def _check_fields(path: Path, record: dict[str, Any], text: str, options: Mapping[str, str], *, first: bool) -> None:
    """Raise `DataError` if the first record lacks a field: more likely the settings are wrong than the record."""
    wanted = [text, options["entities"], *filter(None, (options["id"], options["group"]))]
    lacking = [name for name in wanted if name not in record]
    if first and lacking:
        raise DataError(f"{path}: {unknown('field', lacking[0], record)} (task.text_column, task.options)")


def _spans(record: dict[str, Any], text_field: str, options: Mapping[str, str]) -> list[Span]:
    """Entities of a record; `ValueError` for one that is outside the text or not where its name is."""
    text = record[text_field]
    if not isinstance(text, str):
        raise ValueError("the text is no string")
    text.encode("utf-8")  # half of a surrogate pair is a ValueError
    spans = []
    for entity in record[options["entities"]]:
        start, end, kind = entity if isinstance(entity, list) else _fields(entity, options)
        if type(start) is not int or type(end) is not int or not 0 <= start < end <= len(text):
            raise ValueError(f"{start}-{end} is no span of a text of {len(text)} characters")
        if options["name"] and isinstance(entity, dict) and text[start:end] != entity[options["name"]]:
            raise ValueError(f"'{entity[options['name']]}' is not at its span {start}-{end}")
        spans.append(Span(start, end, str(kind)))
    return spans


def _fields(entity: Mapping[str, Any], options: Mapping[str, str]) -> tuple[Any, Any, Any]:
    start, end = entity[options["span"]] if options["span"] else (entity[options["start"]], entity[options["end"]])
    return start, end, entity[options["type"]]


def disjoint(spans: list[Span]) -> list[Span]:
    """Return spans that do not overlap, in order: longer ones get their place first, of equals the leftmost."""
    kept: list[Span] = []
    for span in sorted(spans, key=lambda span: (span.start - span.end, span)):
        if all(span.end <= other.start or other.end <= span.start for other in kept):
            kept.append(span)
    return sorted(kept)
