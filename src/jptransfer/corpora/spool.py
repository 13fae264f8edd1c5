"""Cleaned documents on disk with a record each, for several passes with little memory."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np

from jptransfer.caches import read_cache
from jptransfer.corpora.cleaning import RECORD, CleanBatch
from jptransfer.errors import WorkError, reason
from jptransfer.files import json_text, new_file

COUNTS = ("read", "dropped", "skipped")
TABLES = (*COUNTS, "skipped_first")
"""Tables of the facts file; the values of `COUNTS` are numbers."""
BLOCK_BYTES = 4 << 20
BLOCK_RECORDS = 1 << 15


@dataclass(frozen=True)
class Block:
    """Consecutive documents: number of the first one, their records, and their text as of `Cleaner.batch`."""

    start: int
    records: np.ndarray
    text: bytes

    def documents(self) -> Iterator[bytes]:
        """Yield each document's bytes."""
        ends = np.cumsum(self.records["bytes"].astype(np.int64))
        for start, end in zip([0, *ends[:-1].tolist()], ends.tolist(), strict=True):
            yield self.text[start:end]


class SpoolFile:
    """A source's cleaned documents in a folder; complete when `facts.json` exists."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.text, self.records, self.facts = folder / "text", folder / "records", folder / "facts.json"
        self.stamps = folder / "stamps.json"

    def is_complete(self, stamps: dict[str, list[int]]) -> bool:
        """Return whether an earlier, possibly interrupted run completed the spool from files with the same `stamps`."""
        return self.facts.is_file() and read_cache(self.stamps, lambda found: isinstance(found, dict)) == stamps

    def __len__(self) -> int:
        return self.records.stat().st_size // RECORD.itemsize

    def describe(self) -> dict[str, Any]:
        """Return the facts that were given to `SpoolWriter.finish`."""
        return json.loads(self.facts.read_text(encoding="utf-8"))

    def check(self) -> None:
        """Check the files that an earlier run wrote.

        Raises:
            WorkError: a file is missing, truncated or malformed.
        """
        try:
            facts = self.describe()
            tables = isinstance(facts, dict) and all(isinstance(facts.get(name), dict) for name in TABLES)
            counts = tables and all(isinstance(count, int) for name in COUNTS for count in facts[name].values())
            text, records = self.text.stat().st_size, self.records.stat().st_size
            sizes = sum(int(block["bytes"].sum(dtype=np.int64)) for _, block in self.record_blocks())
        except (OSError, ValueError, RecursionError) as error:
            raise WorkError(f"{self.folder} cannot be read ({reason(error)})") from error
        if not counts or sizes != text or records % RECORD.itemsize:
            raise WorkError(f"{self.folder} cannot be read: its files are not those of finished documents")

    def record_blocks(self, size: int = BLOCK_RECORDS) -> Iterator[tuple[int, np.ndarray]]:
        """Yield (number of the first document, records)."""
        for start in range(0, len(self), size):
            yield start, np.fromfile(self.records, RECORD, size, offset=start * RECORD.itemsize)

    def blocks(self) -> Iterator[Block]:
        """Yield documents with their text, about `BLOCK_BYTES` at a time (more if a single document is longer)."""
        with self.text.open("rb") as stream:
            for start, records in self.record_blocks():
                ends = np.cumsum(records["bytes"].astype(np.int64))
                first = 0
                while first < len(records):
                    done = int(ends[first - 1]) if first else 0
                    last = max(first + 1, int(np.searchsorted(ends, done + BLOCK_BYTES, "right")))
                    yield Block(start + first, records[first:last], stream.read(int(ends[last - 1]) - done))
                    first = last


class SpoolWriter:
    """Writes a `SpoolFile` from the beginning."""

    def __init__(self, spool: SpoolFile, stamps: dict[str, list[int]]) -> None:
        """Set the spool and the stamps (`collect.stamps_of`) of its input files, taken before they are read."""
        self.spool, self.stamps = spool, stamps

    def __enter__(self) -> SpoolWriter:
        self.spool.folder.mkdir(parents=True, exist_ok=True)
        self._text, self._records = self.spool.text.open("wb"), self.spool.records.open("wb")
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._text.close()
        self._records.close()

    def add(self, batch: CleanBatch) -> None:
        """Append documents."""
        self._text.write(batch.text)
        self._records.write(batch.records.tobytes())

    def finish(self, facts: dict[str, Any]) -> None:
        """Flush the documents and mark the spool as complete."""
        self._text.flush()
        self._records.flush()
        with new_file(self.spool.stamps) as stream:
            stream.write(json_text(self.stamps))
        with new_file(self.spool.facts) as stream:
            stream.write(json_text(facts))
