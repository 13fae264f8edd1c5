"""The history of a run: one JSON line per record."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from jptransfer.files import json_text
from jptransfer.training.types import Record

HISTORY = "history.jsonl"


def write_history(path: Path, records: Sequence[Mapping[str, Any]]) -> None:
    """Write all records of a finished run."""
    path.write_text("".join(json_text(record, ensure_ascii=True) + "\n" for record in records), encoding="utf-8")


class History:
    """Records in memory and, in the main process, in a file."""

    def __init__(self, path: Path | None, records: Sequence[Record] = ()) -> None:
        """Overwrite `path` (None: memory only) with the records of the checkpoint that a run resumes from."""
        self.records: list[Record] = []
        self.file = path.open("w", encoding="utf-8") if path else None
        for record in records:
            self.add(record)

    def add(self, record: Record) -> None:
        """Append a record and flush it to the file."""
        self.records.append(record)
        if self.file:
            self.file.write(json_text(record, ensure_ascii=True) + "\n")
            self.file.flush()

    def close(self) -> None:
        """Close the file."""
        if self.file:
            self.file.close()
