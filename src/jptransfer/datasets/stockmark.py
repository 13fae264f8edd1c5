"""stockmark's named entities in Japanese Wikipedia: one JSON list of {curid, text, entities: [{name, span, type}]}."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

from jptransfer.config import TaskConfig
from jptransfer.datasets.base import POOL, RawDataset, data_files, intake
from jptransfer.errors import DataError
from jptransfer.tasks.ner import EntityExample
from jptransfer.tasks.spans import Span


def read(config: TaskConfig) -> RawDataset:
    """Read ``files.all``; splits keep the sentences of one Wikipedia page (curid) together.

    Of entities that overlap the longest stays, of equals the first; spans outside the text or whose characters are not
    the entity's name are malformed.
    """
    path, trouble = data_files(config, [POOL])[POOL], intake(config)
    try:
        records = json.loads(path.read_bytes().decode(config.encoding))
        pages = [str(record["curid"]) for record in records]
    except (ValueError, LookupError, TypeError) as error:
        raise DataError(f"{path}: not stockmark's ner.json, a JSON list of curid, text, entities ({error})") from error
    counts: Counter[str] = Counter()
    seen: Counter[str] = Counter()
    examples, groups = [], {}
    for number, (record, page) in enumerate(zip(records, pages, strict=True)):
        seen[page] += 1
        try:
            spans = _spans(record)
        except (KeyError, TypeError, ValueError) as error:
            trouble.trouble("malformed", f"{path}: record {number} (curid {page})", f"{type(error).__name__}: {error}")
            continue
        kept = disjoint(spans)
        counts["overlapping entities"] += len(spans) - len(kept)
        example = EntityExample(f"{page}-{seen[page]}", record["text"], tuple(kept))
        examples.append(example)
        groups[example.id] = page
    return RawDataset({POOL: examples}, counts + trouble.skipped, groups)


def _spans(record: dict[str, Any]) -> list[Span]:
    """Entities of a record; `ValueError` for one that is not where its name is."""
    spans = []
    for entity in record["entities"]:
        (start, end), name, kind = entity["span"], entity["name"], entity["type"]
        if not 0 <= start < end or record["text"][start:end] != name:
            raise ValueError(f"'{name}' is not at its span {start}-{end}")
        spans.append(Span(start, end, str(kind)))
    return spans


def disjoint(spans: list[Span]) -> list[Span]:
    """Return spans that do not overlap, in order: longer ones get their place first, of equals the leftmost."""
    kept: list[Span] = []
    for span in sorted(spans, key=lambda span: (span.start - span.end, span)):
        if all(span.end <= other.start or other.end <= span.start for other in kept):
            kept.append(span)
    return sorted(kept)
