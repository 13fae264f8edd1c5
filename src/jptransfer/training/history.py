"""The history of a run: one JSON line a record, cut back to the checkpoint when a run resumes."""

from __future__ import annotations

import json
from pathlib import Path

from jptransfer.training.types import Record

HISTORY = "history.jsonl"


class History:
    """Records in memory and, in the main process, in a file."""

    def __init__(self, path: Path | None, keep: int = 0) -> None:
        """Open `path` (none: memory only) and keep its first `keep` records."""
        lines = path.read_text("utf-8").splitlines()[:keep] if path and path.exists() else []
        if path and len(lines) < keep:
            raise ValueError(f"{path} holds {len(lines)} records, the checkpoint speaks of {keep}")
        self.records: list[Record] = [json.loads(line) for line in lines]
        self.file = None
        if path:
            path.write_text("".join(line + "\n" for line in lines), "utf-8")
            self.file = path.open("a", encoding="utf-8")

    def add(self, record: Record) -> None:
        """Append a record; it is on its way to the disk when this returns."""
        self.records.append(record)
        if self.file:
            self.file.write(json.dumps(record) + "\n")
            self.file.flush()

    def close(self) -> None:
        """Close the file."""
        if self.file:
            self.file.close()
