"""Read and clean a source into its spool file; large sources are cleaned by several processes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress

from jptransfer.config import CleaningConfig, CorpusConfig, OnError, SourceConfig
from jptransfer.corpora.cleaning import CleanBatch, Cleaner
from jptransfer.corpora.error_policy import ErrorPolicy, UnreadableError, locate
from jptransfer.corpora.readers import Document
from jptransfer.corpora.spool import SpoolFile, SpoolWriter
from jptransfer.files import COMPRESSED
from jptransfer.registry import SOURCES
from jptransfer.runtime import Bar, Runtime
from jptransfer.workers import ordered_map

BATCH_CHARACTERS = 1 << 18
BATCH_DOCUMENTS = 1 << 12
SAMPLE_BYTES = 32 << 20
"""Amount of input that is read again to report what skipping would lose."""
PARALLEL_BYTES = 16 << 20
"""Size on disk from which several processes are faster than one, in spite of their start-up time."""


def collect(name: str, source: SourceConfig, config: CorpusConfig, excluded: frozenset[bytes], spool: SpoolFile,
            runtime: Runtime) -> None:
    """Read and clean a source into `spool`; counts of read, dropped and skipped input are written to its facts."""
    read: Counter[str] = Counter()
    dropped: Counter[str] = Counter()
    stamps = stamps_of(source, config)
    with runtime.progress.bar(f"read {name} (MB)", _megabytes(source)) as bar, SpoolWriter(spool, stamps) as writer:
        policy = ErrorPolicy(config.on_error, advance=_advance(bar), encoding=f"corpus.sources.{name}.encoding")
        batches = _batches(documents(source, policy))
        workers = runtime.workers if size_on_disk(source) >= PARALLEL_BYTES else 1
        for batch in ordered_map(_clean, batches, workers, _start, (config.cleaning, excluded)):
            writer.add(batch)
            read += batch.read
            dropped += batch.dropped
        writer.finish({"read": dict(read), "dropped": dict(dropped), "skipped": dict(policy.skipped),
                       "skipped_first": policy.examples})


def excluded_sentences(config: CorpusConfig) -> frozenset[bytes]:
    """Return the digests of the cleaned sentences of `config.exclude`."""
    cleaner = Cleaner(config.cleaning)
    policies = {name: ErrorPolicy(config.on_error, encoding=f"corpus.exclude.{name}.encoding")
                for name in config.exclude}
    return frozenset(cleaner.copy_digest([cleaner.normalise(sentence)]) for name, source in config.exclude.items()
                     for document in documents(source, policies[name]) for sentence in document)


def documents(source: SourceConfig, policy: ErrorPolicy) -> Iterator[Document]:
    """Yield the documents of a source; errors report how much skipping would lose, estimated from its beginning."""
    try:
        yield from SOURCES.load(source.format)(source, policy)
    except UnreadableError as error:
        raise error.offering("corpus.on_error", *_kept_and_lost(source)) from error


def _kept_and_lost(source: SourceConfig) -> tuple[int, int]:
    """Return the numbers of sentences and of unreadable places in the first `SAMPLE_BYTES` of a source."""
    left = SAMPLE_BYTES

    def advance(amount: int) -> None:
        nonlocal left
        left -= amount
        if left < 0:
            raise _EnoughError

    kept, policy = 0, ErrorPolicy(OnError.skip, advance=advance)
    with suppress(_EnoughError):
        for document in SOURCES.load(source.format)(source, policy):
            kept += len(document)
    return kept, policy.skipped.total()


class _EnoughError(Exception):
    """Stops reading when the sample is complete."""


def stamps_of(source: SourceConfig, config: CorpusConfig) -> dict[str, list[int]]:
    """Return size and modification time of every file of a source and of `config.exclude`.

    A spool that was filled from files with other stamps is not reused, because their contents may have changed.
    """
    files = [file for one in (source, *config.exclude.values()) for file in locate(one.path, ErrorPolicy(OnError.skip))]
    return {str(file.absolute()): [(stat := file.stat()).st_size, stat.st_mtime_ns] for file in files}


def size_on_disk(source: SourceConfig) -> int:
    """Return the size in bytes of a source's files; 0 for files that are not on this disk."""
    return sum(file.stat().st_size for file in locate(source.path, ErrorPolicy(OnError.skip)))


def _megabytes(source: SourceConfig) -> float | None:
    """Return the number of megabytes to read, None if it is not known in advance."""
    plain = not source.path.endswith(COMPRESSED) and SOURCES.entries[source.format].encoding
    return size_on_disk(source) / 1e6 if plain else None


def _advance(bar: Bar) -> Callable[[int], None]:
    """Return a callback that adds bytes to a bar of megabytes, in steps of a quarter of a megabyte."""
    waiting = 0

    def advance(amount: int) -> None:
        nonlocal waiting
        waiting += amount
        if waiting >= 1 << 18:
            bar.update(waiting / 1e6)
            waiting = 0

    return advance


def _batches(documents: Iterable[Document]) -> Iterator[list[Document]]:
    """Group documents into batches of about `BATCH_CHARACTERS`."""
    batch: list[Document] = []
    size = 0
    for document in documents:
        batch.append(document)
        size += sum(map(len, document))
        if size >= BATCH_CHARACTERS or len(batch) >= BATCH_DOCUMENTS:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


_cleaner: Cleaner | None = None


def _start(config: CleaningConfig, excluded: frozenset[bytes]) -> None:
    global _cleaner
    _cleaner = Cleaner(config, excluded)


def _clean(batch: list[Document]) -> CleanBatch:
    assert _cleaner is not None
    return _cleaner.batch(batch)
