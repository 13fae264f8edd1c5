"""Spans in files: as columns of parquet, and as they are written for people."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from jptransfer.tasks.spans import Span

if TYPE_CHECKING:
    import pyarrow

CONTROLS = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029\ufeff]")
"""Control characters, ends of lines and marks of byte order, but not the line feed."""
_UNFIT = re.compile(rf"{CONTROLS.pattern}|\s")


def one_word(text: str) -> str:
    """Return `text` with white space and control characters written ``_``."""
    return _UNFIT.sub("_", text)


def bare_spans(text: str, spans: Sequence[Span], scores: Sequence[float]) -> Iterator[tuple[Span, float]]:
    """Yield spans with their scores, without white space at their ends; spans of white space alone are left out."""
    for (start, end, kind), score in zip(spans, scores, strict=True):
        covered = text[start:end]
        if bare := covered.strip():
            start += len(covered) - len(covered.lstrip())
            yield Span(start, start + len(bare), kind), score


def ranges_type() -> pyarrow.DataType:
    """Return the type of a column of character ranges."""
    import pyarrow as pa

    return pa.list_(pa.struct([("start", pa.int32()), ("end", pa.int32())]))


def spans_type() -> pyarrow.DataType:
    """Return the type of a column of typed spans."""
    import pyarrow as pa

    return pa.list_(pa.struct([("start", pa.int32()), ("end", pa.int32()), ("type", pa.string())]))


def range_structs(ranges: Sequence[tuple[int, int]] | None) -> list[dict[str, int]] | None:
    """Return ranges as rows of a column; None stays None."""
    return None if ranges is None else [{"start": start, "end": end} for start, end in ranges]


def span_structs(spans: Sequence[Span] | None) -> list[dict[str, Any]] | None:
    """Return spans as rows of a column; None stays None."""
    return None if spans is None else [span._asdict() for span in spans]


def read_ranges(rows: list[dict[str, int]]) -> list[tuple[int, int]]:
    """Inverse of `range_structs`."""
    return [(row["start"], row["end"]) for row in rows]


def read_spans(rows: list[dict[str, Any]]) -> list[Span]:
    """Inverse of `span_structs`."""
    return [Span(row["start"], row["end"], row["type"]) for row in rows]
