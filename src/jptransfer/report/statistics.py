"""What the artifacts say of themselves, as tables: corpora, data sets, tokenizers, encoded corpora, language models."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from jptransfer.report.sources import Source
from jptransfer.report.tables import Column, Table, text_table

RUNTIME = frozenset({"second", "seconds", "device", "processes", "threads", "throughput"})
"""Words in the names of values that depend on how an artifact was made, not on what it is; a report leaves them out."""


def nested_tables(title: str, data: Mapping[str, Any]) -> Iterator[Table]:
    """Yield tables for nested counts: siblings that are all alike become rows, all else one table of two columns."""
    alike = {key: value for key, value in data.items()
             if isinstance(value, Mapping) and value and all(isinstance(one, Mapping) for one in value.values())}
    rest = [[_words(key), value] for key, value in _leaves({k: v for k, v in data.items() if k not in alike})
            if value != ""]
    for key, value in alike.items():
        yield matrix(f"{title}: {_words(key)}", {name: dict(_leaves(one)) for name, one in value.items()})
    if rest:
        yield text_table(title, ["", "value"], rest)


def matrix(title: str, rows: Mapping[str, Mapping[str, Any]], head: str = "", caption: str = "") -> Table:
    """Return rows of named values as one table; a value that a row lacks is a dash."""
    keys = list(dict.fromkeys(key for row in rows.values() for key in row if not _of_runtime(key)))
    body = [[name, *(row.get(key) for key in keys)] for name, row in rows.items()]
    numeric = [all(isinstance(row.get(key), int | float | None) for row in rows.values()) for key in keys]
    columns = [Column(head or "name", head), *(Column(key, _words(key), number)
                                               for key, number in zip(keys, numeric, strict=True))]
    return text_table(title, columns, body, caption)


def facts(title: str, sources: Sequence[Source]) -> Table | None:
    """Return what the summaries of artifacts of one kind hold, a row each; None without artifacts."""
    rows = {f"{one.manifest.name} {one.manifest.id[:6]}": dict(_leaves(one.manifest.summary.get("values", {})))
            for one in sources}
    return matrix(title, rows, "artifact") if rows else None


def _leaves(data: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in data.items():
        if isinstance(value, Mapping):
            yield from _leaves(value, f"{prefix}{key} · ")
        else:
            yield prefix + str(key), _flat(value)


def _of_runtime(key: str) -> bool:
    return bool(RUNTIME & set(re.split(r"[\W_]+", key)))


def _flat(value: Any) -> Any:
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else value


def _words(key: str) -> str:
    return str(key).replace("_", " ")
