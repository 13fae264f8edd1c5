"""All documents of a corpus, and what becomes of each: dropped as repeated, left out by a budget, or put in a split."""

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
from jptransfer.corpora.spool import Block, Spool
from jptransfer.errors import DataError
from jptransfer.runtime import Bar, Runtime

TEXTS_AT_ONCE = 2048
CHARACTERS_AT_ONCE = 1 << 18


class Fate(IntEnum):
    """What becomes of a document; the first three are splits."""

    train = 0
    validation = 1
    test = 2
    exact_duplicates = 3
    near_duplicates = 4
    over_budget = 5


@dataclass(frozen=True)
class Shelf:
    """The documents of one source: numbers `start` to `start + len(spool)` of the library."""

    name: str
    spool: Spool
    start: int

    @property
    def numbers(self) -> slice:
        """The source's part of the library."""
        return slice(self.start, self.start + len(self.spool))


class Library:
    """The spools of a corpus' sources with one byte a document that says what becomes of it."""

    def __init__(self, config: CorpusConfig, shelves: list[Shelf], work: Path) -> None:
        self.config, self.shelves, self.work = config, shelves, work
        self.fates = np.zeros(sum(len(shelf.spool) for shelf in shelves), np.uint8)

    @classmethod
    def collected(cls, config: CorpusConfig, work: Path, runtime: Runtime) -> Library:
        """Read and clean every source whose spool in `work` is not complete."""
        # By rank, not by place: whoever resumes may have written the same sources in another order.
        folders = {name: work / f"source-{rank}" for rank, name in enumerate(sorted(config.sources))}
        spools = {name: Spool(folders[name]) for name in config.sources}
        missing = [name for name, spool in spools.items()
                   if not spool.is_complete(stamps_of(config.sources[name], config))]
        for name in spools.keys() - set(missing):
            spools[name].check()
        excluded = excluded_sentences(config) if missing else frozenset()
        for name in missing:
            collect(name, config.sources[name], config, excluded, spools[name], runtime)
        shelves, start = [], 0
        for name, spool in spools.items():
            shelves.append(Shelf(name, spool, start))
            start += len(spool)
        return cls(config, shelves, work)

    def blocks(self) -> Iterator[tuple[Block, np.ndarray]]:
        """Yield all documents, a few MB at a time, with (a view of) their fates."""
        for shelf in self.shelves:
            for block in shelf.spool.blocks():
                start = shelf.start + block.start
                yield block, self.fates[start:start + len(block.records)]

    def _kept(self, shelf: Shelf) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Yield numbers and records of a source's documents that are not dropped yet."""
        for start, records in shelf.spool.record_blocks():
            first = shelf.start + start
            kept = np.flatnonzero(self.fates[first:first + len(records)] <= Fate.test)
            yield first + kept, records[kept]

    def drop_duplicates(self, runtime: Runtime) -> None:
        """Drop documents that repeat an earlier one, as the configuration asks."""
        settings = self.config.deduplication
        if settings.exact:
            digests = (records["digest"] for shelf in self.shelves for _, records in self._kept(shelf))
            self.fates[exact_duplicates(digests, self.work)] = Fate.exact_duplicates
        if settings.near:
            kept = self.fates == Fate.train
            with runtime.progress.bar("near duplicates", int(kept.sum())) as bar:
                repeated = near_duplicates(self._texts(bar), settings, self.work)
            self.fates[kept] = repeated * np.uint8(Fate.near_duplicates)

    def _texts(self, bar: Bar) -> Iterator[list[str]]:
        """Yield the texts of kept documents, without line ends, in pieces that stay within a processor's cache."""
        piece: list[str] = []
        size = 0
        for block, fates in self.blocks():
            for document, fate in zip(block.documents(), fates.tolist(), strict=True):
                if fate != Fate.train:
                    continue
                piece.append(document.decode().replace("\n", ""))
                size += len(piece[-1])
                if len(piece) == TEXTS_AT_ONCE or size >= CHARACTERS_AT_ONCE:
                    bar.advance(len(piece))
                    yield piece
                    piece, size = [], 0
        if piece:
            yield piece

    def sample(self) -> None:
        """Leave out what exceeds the budgets: of each source a uniform sample of its distinct documents stays."""
        sources = self.config.sources
        sizes = {shelf.name: sum(int(records["bytes"].sum(dtype=np.int64)) for _, records in self._kept(shelf))
                 for shelf in self.shelves}
        budgets = shares(sizes, {name: source.weight for name, source in sources.items()},
                         {name: source.max_bytes for name, source in sources.items()}, self.config.max_bytes)
        for shelf in self.shelves:
            if budgets[shelf.name] < sizes[shelf.name]:
                self._sample(shelf, budgets[shelf.name])

    def _sample(self, shelf: Shelf, budget: int) -> None:
        def chunks() -> Iterator[tuple[np.ndarray, np.ndarray]]:
            for _, records in self._kept(shelf):
                yield priorities(records["digest"], self.config.seed, "sample"), records["bytes"]

        limit = threshold(chunks, budget)
        for numbers, records in self._kept(shelf):
            over = priorities(records["digest"], self.config.seed, "sample") >= np.uint64(limit)
            self.fates[numbers[over]] = Fate.over_budget

    def split(self) -> list[Fate]:
        """Put every kept document in a split and return the splits in use; none that was asked for stays empty.

        Raises:
            DataError: there are fewer documents than splits.
        """
        fractions = {Fate.validation: self.config.validation_fraction, Fate.test: self.config.test_fraction}
        for shelf in self.shelves:
            for numbers, records in self._kept(shelf):
                self.fates[numbers] = split_codes(records["digest"], self.config.seed, list(fractions.values()))
        splits = [Fate.train, *(split for split, fraction in fractions.items() if fraction)]
        documents = int((self.fates <= Fate.test).sum())
        if documents < len(splits):
            raise DataError(self._too_few(documents, splits))
        for split in splits:
            if not (self.fates == split).any():
                self._move_one(split)
        return splits

    def _too_few(self, documents: int, splits: list[Fate]) -> str:
        if not documents:
            counts = {name: facts["dropped"] | facts["skipped"] for name, facts in self.describe().items()}
            return f"no document is left of the corpus' sources; dropped and skipped: {counts}"
        names = ", ".join(split.name for split in splits)
        return (f"the corpus has {documents} document, too few for the splits {names}: put blank lines between "
                "documents, or set max_sentences of the source to cut them, or validation_fraction to 0")

    def _move_one(self, split: Fate) -> None:
        """Give an empty split one document of the largest split, chosen by its hash."""
        largest = np.bincount(self.fates[self.fates <= Fate.test]).argmax()
        best: tuple[int, int] | None = None
        for shelf in self.shelves:
            for numbers, records in self._kept(shelf):
                inside = self.fates[numbers] == largest
                order = priorities(records["digest"][inside], self.config.seed, split.name)
                if len(order):
                    place = int(order.argmin())
                    found = (int(order[place]), int(numbers[inside][place]))
                    best = min(best or found, found)
        assert best is not None
        self.fates[best[1]] = split

    def describe(self) -> dict[str, dict[str, Any]]:
        """Return for each source what was read, dropped by each filter, skipped, repeated and kept."""
        described = {}
        for shelf in self.shelves:
            fates = np.bincount(self.fates[shelf.numbers], minlength=len(Fate))
            kept = Counter[str]()
            for _, records in self._kept(shelf):
                kept += measure(records)
            dropped = {fate.name: int(fates[fate]) for fate in Fate if fate > Fate.test}
            described[shelf.name] = {**shelf.spool.describe(), **dropped, "kept": dict(kept)}
        return described


def measure(records: np.ndarray) -> Counter[str]:
    """Return documents, sentences, characters and bytes of documents with these `RECORD`s."""
    sizes = {name: int(records[name].sum(dtype=np.int64)) for name in RECORD.names or () if name != "digest"}
    return Counter({"documents": len(records), **{name: sizes[name] for name in ("sentences", "characters", "bytes")}})
