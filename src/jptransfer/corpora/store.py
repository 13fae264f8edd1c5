"""All documents of a corpus with a status each: duplicate, over budget, or in a split."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from typing import Any

import numpy as np

from jptransfer.config import CorpusConfig
from jptransfer.corpora.cleaning import RECORD
from jptransfer.corpora.collect import collect, excluded_sentences, stamps_of
from jptransfer.corpora.duplicates import exact_duplicates, near_duplicates
from jptransfer.corpora.selection import priorities, shares, split_codes, threshold
from jptransfer.corpora.spool import Block, SpoolFile
from jptransfer.errors import DataError
from jptransfer.runtime import Bar, Runtime

TEXTS_AT_ONCE = 2048
CHARACTERS_AT_ONCE = 1 << 18


class DocumentStatus(IntEnum):
    """Status of a document; the first three are splits."""

    train = 0
    validation = 1
    test = 2
    exact_duplicates = 3
    near_duplicates = 4
    over_budget = 5


@dataclass(frozen=True)
class SourceShard:
    """The documents of one source: numbers `start` to `start + len(spool)` of the corpus."""

    name: str
    spool: SpoolFile
    start: int

    @property
    def numbers(self) -> slice:
        """The source's slice of the corpus."""
        return slice(self.start, self.start + len(self.spool))


class CorpusStore:
    """The spools of a corpus' sources, with a status of one byte per document."""

    def __init__(self, config: CorpusConfig, shelves: list[SourceShard], work: Path) -> None:
        self.config, self.shelves, self.work = config, shelves, work
        self.statuses = np.zeros(sum(len(shelf.spool) for shelf in shelves), np.uint8)

    @classmethod
    def collected(cls, config: CorpusConfig, work: Path, runtime: Runtime) -> CorpusStore:
        """Read and clean every source whose spool in `work` is not complete."""
        # Folders are numbered by sorted names, because a resumed run may list the same sources in another order.
        folders = {name: work / f"source-{rank}" for rank, name in enumerate(sorted(config.sources))}
        spools = {name: SpoolFile(folders[name]) for name in config.sources}
        missing = [name for name, spool in spools.items()
                   if not spool.is_complete(stamps_of(config.sources[name], config))]
        for name in spools.keys() - set(missing):
            spools[name].check()
        excluded = excluded_sentences(config) if missing else frozenset()
        for name in missing:
            collect(name, config.sources[name], config, excluded, spools[name], runtime)
        shelves, start = [], 0
        for name, spool in spools.items():
            shelves.append(SourceShard(name, spool, start))
            start += len(spool)
        return cls(config, shelves, work)

    def blocks(self) -> Iterator[tuple[Block, np.ndarray]]:
        """Yield all documents, a few MB at a time, with a view of their statuses."""
        for shelf in self.shelves:
            for block in shelf.spool.blocks():
                start = shelf.start + block.start
                yield block, self.statuses[start:start + len(block.records)]

    def _kept(self, shelf: SourceShard) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Yield numbers and records of a source's documents that have not been dropped."""
        for start, records in shelf.spool.record_blocks():
            first = shelf.start + start
            kept = np.flatnonzero(self.statuses[first:first + len(records)] <= DocumentStatus.test)
            yield first + kept, records[kept]

    def drop_duplicates(self, runtime: Runtime) -> None:
        """Drop documents that repeat an earlier one, as configured."""
        settings = self.config.deduplication
        if settings.exact:
            digests = (records["digest"] for shelf in self.shelves for _, records in self._kept(shelf))
            self.statuses[exact_duplicates(digests, self.work)] = DocumentStatus.exact_duplicates
        if settings.near:
            kept = self.statuses == DocumentStatus.train
            with runtime.progress.bar("near duplicates", int(kept.sum())) as bar:
                repeated = near_duplicates(self._texts(bar), settings, self.work)
            self.statuses[kept] = repeated * np.uint8(DocumentStatus.near_duplicates)

    def _texts(self, bar: Bar) -> Iterator[list[str]]:
        """Yield the texts of kept documents, without line ends, in pieces that fit into the processor's cache."""
        piece: list[str] = []
        size = 0
        for block, statuses in self.blocks():
            for document, status in zip(block.documents(), statuses.tolist(), strict=True):
                if status != DocumentStatus.train:
                    continue
                piece.append(document.decode().replace("\n", ""))
                size += len(piece[-1])
                if len(piece) == TEXTS_AT_ONCE or size >= CHARACTERS_AT_ONCE:
                    bar.update(len(piece))
                    yield piece
                    piece, size = [], 0
        if piece:
            yield piece

    def sample(self) -> None:
        """Drop documents over the budgets: a uniform sample of each source's distinct documents is kept."""
        sources = self.config.sources
        sizes = {shelf.name: sum(int(records["bytes"].sum(dtype=np.int64)) for _, records in self._kept(shelf))
                 for shelf in self.shelves}
        budgets = shares(sizes, {name: source.weight for name, source in sources.items()},
                         {name: source.max_bytes for name, source in sources.items()}, self.config.max_bytes)
        for shelf in self.shelves:
            if budgets[shelf.name] < sizes[shelf.name]:
                self._sample(shelf, budgets[shelf.name])

    def _sample(self, shelf: SourceShard, budget: int) -> None:
        def chunks() -> Iterator[tuple[np.ndarray, np.ndarray]]:
            for _, records in self._kept(shelf):
                yield priorities(records["digest"], self.config.seed, "sample"), records["bytes"]

        limit = threshold(chunks, budget)
        for numbers, records in self._kept(shelf):
            over = priorities(records["digest"], self.config.seed, "sample") >= np.uint64(limit)
            self.statuses[numbers[over]] = DocumentStatus.over_budget

    def split(self) -> list[DocumentStatus]:
        """Assign every kept document to a split and return the splits in use; none of them is empty.

        Raises:
            DataError: there are fewer documents than splits.
        """
        fractions = {DocumentStatus.validation: self.config.validation_fraction,
                     DocumentStatus.test: self.config.test_fraction}
        for shelf in self.shelves:
            for numbers, records in self._kept(shelf):
                self.statuses[numbers] = split_codes(records["digest"], self.config.seed, list(fractions.values()))
        splits = [DocumentStatus.train, *(split for split, fraction in fractions.items() if fraction)]
        documents = int((self.statuses <= DocumentStatus.test).sum())
        if documents < len(splits):
            raise DataError(self._too_few(documents, splits))
        for split in splits:
            if not (self.statuses == split).any():
                self._move_one(split)
        return splits

    def _too_few(self, documents: int, splits: list[DocumentStatus]) -> str:
        if not documents:
            counts = {name: facts["dropped"] | facts["skipped"] for name, facts in self.describe().items()}
            return f"no document is left of the corpus' sources; dropped and skipped: {counts}"
        names = ", ".join(split.name for split in splits)
        return (f"the corpus has {documents} document, too few for the splits {names}: put blank lines between "
                "documents, or set max_sentences of the source to cut them, or validation_fraction to 0")

    def _move_one(self, split: DocumentStatus) -> None:
        """Move one document of the largest split, selected by its hash, to an empty split."""
        largest = np.bincount(self.statuses[self.statuses <= DocumentStatus.test]).argmax()
        best: tuple[int, int] | None = None
        for shelf in self.shelves:
            for numbers, records in self._kept(shelf):
                inside = self.statuses[numbers] == largest
                order = priorities(records["digest"][inside], self.config.seed, split.name)
                if len(order):
                    place = int(order.argmin())
                    found = (int(order[place]), int(numbers[inside][place]))
                    best = min(best or found, found)
        assert best is not None
        self.statuses[best[1]] = split

    def describe(self) -> dict[str, dict[str, Any]]:
        """Return for each source the numbers of read, filtered, skipped, repeated and kept documents."""
        described = {}
        for shelf in self.shelves:
            statuses = np.bincount(self.statuses[shelf.numbers], minlength=len(DocumentStatus))
            kept = Counter[str]()
            for _, records in self._kept(shelf):
                kept += measure(records)
            dropped = {status.name: int(statuses[status]) for status in DocumentStatus if status > DocumentStatus.test}
            described[shelf.name] = {**shelf.spool.describe(), **dropped, "kept": dict(kept)}
        return described


def measure(records: np.ndarray) -> Counter[str]:
    """Return the numbers of documents, sentences, characters and bytes of these `RECORD`s."""
    sizes = {name: int(records[name].sum(dtype=np.int64)) for name in RECORD.names or () if name != "digest"}
    return Counter({"documents": len(records), **{name: sizes[name] for name in ("sentences", "characters", "bytes")}})
