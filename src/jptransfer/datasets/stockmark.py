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
        example = _example(f"{page}-{seen[page]}", record, counts)
        if example is None:
            trouble.trouble("malformed", f"{path}: record {number} (curid {page})", "a span is not where its name is")
        else:
            examples.append(example)
            groups[example.id] = page
    return RawDataset({POOL: examples}, counts + trouble.skipped, groups)


def _example(id: str, record: dict[str, Any], counts: Counter[str]) -> EntityExample | None:
    text = record.get("text")
    entities = record.get("entities")
    if not isinstance(text, str) or not isinstance(entities, list):
        return None
    spans = []
    for entity in entities:
        start, end = entity["span"]
        if not 0 <= start < end <= len(text) or text[start:end] != entity["name"]:
            return None
        spans.append(Span(start, end, entity["type"]))
    kept = disjoint(spans)
    counts["overlapping entities"] += len(spans) - len(kept)
    return EntityExample(id, text, tuple(kept))


def disjoint(spans: list[Span]) -> list[Span]:
    """Return spans that do not overlap, in order: longer ones get their place first, of equals the leftmost."""
    kept: list[Span] = []
    for span in sorted(spans, key=lambda span: (span.start - span.end, span)):
        if all(span.end <= other.start or other.end <= span.start for other in kept):
            kept.append(span)
    return sorted(kept)
