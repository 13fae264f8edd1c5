"""The history of a run: one JSON line a record."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from jptransfer.training.types import Record

HISTORY = "history.jsonl"


class History:
    """Records in memory and, in the main process, in a file."""

    def __init__(self, path: Path | None, records: Sequence[Record] = ()) -> None:
        """Begin `path` (none: memory only) anew with the records of the checkpoint that a run resumes from."""
        self.records: list[Record] = []
        self.file = path.open("w", encoding="utf-8") if path else None
        for record in records:
            self.add(record)

    def add(self, record: Record) -> None:
        """Append a record; readers of the file see it when this returns."""
        self.records.append(record)
        if self.file:
            self.file.write(json.dumps(record) + "\n")
            self.file.flush()

    def close(self) -> None:
        """Close the file."""
        if self.file:
            self.file.close()
