"""Texts with entities as character spans, in JSON (a list) or JSON lines; what their fields are called is a setting."""

from __future__ import annotations

import json
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from jptransfer.config import TaskConfig
from jptransfer.corpora.error_policy import ErrorPolicy, parse_json, read_lines
from jptransfer.datasets.base import RawDataset, data_files, error_policy
from jptransfer.datasets.span_json_settings import SpanJsonConfig
from jptransfer.datasets.tables import SURROGATE
from jptransfer.errors import DataError, unknown
from jptransfer.files import codec, open_bytes
from jptransfer.tasks.ner import EntityExample
from jptransfer.tasks.spans import Span


def read(config: TaskConfig) -> RawDataset:
    """Read the files of splits or ``all``; the text is in the field `text_column`.

    Spans are half-open, in characters. The records of a group stay together where splits are made (null: no group). Of
    entities that overlap the longest stays, of equals the first.
    """
    fields, policy = config.span_json, error_policy(config)
    data = RawDataset({}, policy.skipped)
    seen: Counter[str] = Counter()
    for role, path in data_files(config).items():
        examples = data.splits.setdefault(role, [])
        for where, record in _records(path, config.encoding, policy):
            _check_fields(path, record, config.text_column, fields, first=not examples)
            try:
                text, spans = _field(record, config.text_column), _spans(record, config.text_column, fields)
                group = record.get(fields.group)
                group = "" if group is None else _name(group, fields.group)
                given = _name(_field(record, fields.id), fields.id) if fields.id else ""
            except ValueError as error:
                policy.report("malformed", where, str(error))
                continue
            kept = disjoint(spans)
            data.counts["overlapping entities"] += len(spans) - len(kept)
            seen[group or role] += 1
            name = given or f"{group or role}-{seen[group or role]}"
            examples.append(EntityExample(name, text, tuple(kept)))
            if group:
                data.groups[name] = group
    return data


def _records(path: Path, encoding: str, policy: ErrorPolicy) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield where a record stands and the record: items of one list, or a line each."""
    for where, item in _items(path, encoding, policy):
        try:
            record = parse_json(item) if isinstance(item, str) else item
        except ValueError as error:
            policy.report("malformed", where, f"not JSON ({error})")
            continue
        if isinstance(record, dict):
            yield where, record
        else:
            policy.report("malformed", where, "not a JSON object")


def _items(path: Path, encoding: str, policy: ErrorPolicy) -> Iterator[tuple[str, Any]]:
    with policy.reading(path):
        if _is_list(path):
            yield from ((f"{path}: record {number}", item) for number, item in enumerate(_list(path, encoding)))
        else:
            lines = read_lines(path, encoding, policy)
            yield from ((f"{path}:{number}", line) for number, line in lines if line.strip())


def _is_list(path: Path) -> bool:
    with open_bytes(path) as stream:
        return stream.read(256).lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"[")


def _list(path: Path, encoding: str) -> list[Any]:
    try:
        with open_bytes(path) as stream:
            text = stream.read().decode(codec(encoding))
        return parse_json(text.removeprefix("\ufeff"))  # type: ignore[no-any-return]
    except ValueError as error:
        raise DataError(f"{path}: not a JSON list ({error})") from error


def _check_fields(path: Path, record: dict[str, Any], text: str, fields: SpanJsonConfig, *, first: bool) -> None:
    """Raise `DataError` if the first record lacks a field: more likely the settings are wrong than the record."""
    wanted = [text, fields.entities, *filter(None, (fields.id, fields.group))]
    lacking = [name for name in wanted if name not in record]
    if first and lacking:
        raise DataError(f"{path}: {unknown('field', lacking[0], record)} (task.text_column, task.span_json)")


def _spans(record: dict[str, Any], text_field: str, fields: SpanJsonConfig) -> list[Span]:
    """Entities of a record; `ValueError` for one that is no span of the text or not where its name is."""
    text, found = _field(record, text_field), _field(record, fields.entities)
    if not isinstance(text, str):
        raise ValueError("the text is no string")
    text.encode("utf-8")  # half of a surrogate pair is a ValueError
    if not isinstance(found, list) or not all(isinstance(entity, list | dict) for entity in found):
        raise ValueError(f"'{fields.entities}' is not a list of entities, each an object or [start, end, type]")
    spans = []
    for entity in found:
        start, end, kind = _listed(entity, 3, "[start, end, type]") if isinstance(entity, list) else (
            _fields(entity, fields))
        if type(start) is not int or type(end) is not int or not 0 <= start < end <= len(text):
            raise ValueError(f"{start}-{end} is no span of a text of {len(text)} characters")
        if fields.name and isinstance(entity, dict) and text[start:end] != _field(entity, fields.name):
            raise ValueError(f"'{entity[fields.name]}' is not at its span {start}-{end}")
        spans.append(Span(start, end, _name(kind, "type")))
    return spans


def _fields(entity: Mapping[str, Any], fields: SpanJsonConfig) -> tuple[Any, Any, Any]:
    if fields.span:
        start, end = _listed(_field(entity, fields.span), 2, f"a '{fields.span}' of start and end")
    else:
        start, end = _field(entity, fields.start), _field(entity, fields.end)
    return start, end, _field(entity, fields.type)


def _listed(items: Any, count: int, what: str) -> list[Any]:
    if not isinstance(items, list) or len(items) != count:
        raise ValueError(f"{json.dumps(items, ensure_ascii=False)} is not {what}")
    return items


def _name(value: Any, field: str) -> str:
    """Return the value of a field that names something: a string with something in it, or a number."""
    if isinstance(value, bool) or not isinstance(value, str | int) or not str(value).strip():
        raise ValueError(f"'{field}' is {json.dumps(value, ensure_ascii=False)}, which names nothing")
    if SURROGATE.search(str(value)):
        raise ValueError(f"'{field}' is {json.dumps(value)}, which has half of a surrogate pair")
    return str(value)


def _field(item: Mapping[str, Any], name: str) -> Any:
    if name not in item:
        raise ValueError(f"{unknown('field', name, item)} (task.text_column, task.span_json)")
    return item[name]


def disjoint(spans: list[Span]) -> list[Span]:
    """Return spans that do not overlap, in order: longer ones get their place first, of equals the leftmost."""
    kept: list[Span] = []
    for span in sorted(spans, key=lambda span: (span.start - span.end, span)):
        place = bisect_left(kept, span)
        after_previous = not place or kept[place - 1].end <= span.start
        if after_previous and (place == len(kept) or span.end <= kept[place].start):
            kept.insert(place, span)
    return kept
