"""A text file becomes memory-mapped ids: ranges of lines, encoded by several processes, joined in order.

The ranges follow from the file alone and end with a line, so the result does not depend on the number of processes, and
a range that is finished need not be encoded again after an interruption.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from itertools import pairwise
from pathlib import Path

import numpy as np

from jptransfer.errors import WorkError, reason
from jptransfer.files import json_text, new_file
from jptransfer.runtime import Runtime
from jptransfer.text.cuts import take_words_cut
from jptransfer.text.encoded import ARRAYS, array_path, id_dtype
from jptransfer.text.tokenizers import load_tokenizer
from jptransfer.text.types import IdBlock, Tokenizer
from jptransfer.workers import ordered_map

LEAST_RANGE, LARGEST_RANGE = 1 << 18, 4 << 20
"""Bytes; less is not worth a job, more would take memory and be lost when interrupted."""
RANGES = 32
"""Ranges of a file that is neither small nor large: enough for several processes to end together."""
LINES_AT_ONCE = 1000


@dataclass(frozen=True)
class Counts:
    """What a text came to; `unknown` counts unknown tokens, `characters` leaves line ends out.

    `words_cut` counts words with more characters than the tokenizer keeps, `characters_cut` what they lose.
    """

    documents: int = 0
    sentences: int = 0
    tokens: int = 0
    characters: int = 0
    unknown: int = 0
    words_cut: int = 0
    characters_cut: int = 0

    def __add__(self, other: Counts) -> Counts:
        return Counts(*(getattr(self, name) + getattr(other, name) for name in asdict(self)))

    def describe(self) -> dict[str, float]:
        """Return the counts with unknown rate and characters per token."""
        return asdict(self) | {"unknown_rate": self.unknown / max(1, self.tokens),
                               "characters_per_token": self.characters / max(1, self.tokens)}


@dataclass(frozen=True)
class Job:
    """A range of bytes of a text file, to be encoded into files that start with `stem`."""

    text: Path
    tokenizer: Path
    start: int
    end: int
    max_sentence_tokens: int
    stem: Path


def encode_file(text: Path, tokenizer: Path, out: Path, split: str, max_sentence_tokens: int, work: Path,
                runtime: Runtime) -> Counts:
    """Encode a file of sentences into the arrays of `split` (docs/FORMATS.md, `encoded`).

    Args:
        text: UTF-8, one sentence a line, a blank line after each document.
        tokenizer: folder of the tokenizer; each process loads its own.
        max_sentence_tokens: longer sentences are divided, where possible before a word.
        work: folder for finished ranges; what an interrupted call left there is used.
    """
    work.mkdir(parents=True, exist_ok=True)
    jobs = [Job(text, tokenizer, start, end, max_sentence_tokens, work / f"{split}-{start:012d}-{end:012d}")
            for start, end in line_ranges(text, range_size(text.stat().st_size))]
    counts = []
    with runtime.progress.bar(f"encode {split}", total=text.stat().st_size / 1e6) as bar:
        for job, result in zip(jobs, ordered_map(encode_range, jobs, min(runtime.workers, len(jobs))), strict=True):
            counts.append(result)
            bar.update((job.end - job.start) / 1e6)
    total = sum(counts, Counts())
    documents = _join(jobs, counts, out, split, load_tokenizer(tokenizer).vocab_size, total)
    return replace(total, documents=documents)


def range_size(length: int) -> int:
    """Return the bytes of a range for a file of `length` bytes."""
    return min(max(length // RANGES, LEAST_RANGE), LARGEST_RANGE)


def line_ranges(path: Path, size: int) -> list[tuple[int, int]]:
    """Return byte ranges of about `size` that cover the file and end with a line."""
    length = path.stat().st_size
    borders = [0]
    with path.open("rb") as stream:
        while borders[-1] + size < length:
            stream.seek(borders[-1] + size - 1)
            stream.readline()
            borders.append(stream.tell())
    return list(pairwise([border for border in borders if border < length] + [length])) if length else []


def encode_range(job: Job) -> Counts:
    """Encode one range into raw files beside `job.stem`; the counts, written last, mark it as finished."""
    done = job.stem.with_suffix(".json")
    tokenizer = _tokenizer(job.tokenizer)
    if done.exists():
        return _finished(job, done, id_dtype(tokenizer.vocab_size))
    counts = Counts()
    with ExitStack() as stack:
        files = {name: stack.enter_context(_shard(job, name).open("wb")) for name in ARRAYS}
        for lines in _blocks(job):
            counts += _write_block(tokenizer, lines, counts.sentences, job.max_sentence_tokens, files)
    with new_file(done) as stream:
        stream.write(json_text(asdict(counts)))
    return counts


def _finished(job: Job, done: Path, dtype: np.dtype) -> Counts:
    """Return the counts of a range that an earlier run finished.

    Raises:
        WorkError: they, or the files they are of, are damaged.
    """
    try:
        counts = Counts(**json.loads(done.read_text(encoding="utf-8")))
        sizes = {name: _shard(job, name).stat().st_size for name in ARRAYS}
        whole = all(isinstance(count, int) and count >= 0 for count in asdict(counts).values())
    except (OSError, ValueError, TypeError, RecursionError) as error:
        raise WorkError(f"{done} cannot be read ({reason(error)})") from error
    expected = {"ids": counts.tokens * dtype.itemsize, "word_starts": counts.tokens, "sentences": counts.sentences * 8}
    if not whole or sizes["documents"] % 8 or any(sizes[name] != size for name, size in expected.items()):
        raise WorkError(f"{done} and the files beside it do not belong together")
    return counts


_loaded: dict[Path, Tokenizer] = {}


def _tokenizer(folder: Path) -> Tokenizer:
    """Load a tokenizer once a process: its memo of words serves all ranges."""
    if folder not in _loaded:
        _loaded.clear()
        _loaded[folder] = load_tokenizer(folder)
    return _loaded[folder]


def _shard(job: Job, name: str) -> Path:
    return job.stem.with_suffix(f".{name}")


def _blocks(job: Job) -> Iterator[list[str]]:
    with job.text.open("rb") as stream:
        stream.seek(job.start)
        block: list[str] = []
        while stream.tell() < job.end:
            block.append(stream.readline().decode("utf-8").rstrip("\n"))
            if len(block) == LINES_AT_ONCE:
                yield block
                block = []
        yield block


def _write_block(tokenizer: Tokenizer, lines: list[str], sentences_before: int, limit: int, files: dict) -> Counts:
    """Append a block: ids, word starts, lengths of sentences, and after how many sentences a document ends."""
    texts = [line for line in lines if line]
    ends = np.cumsum([bool(line) for line in lines], dtype=np.int64)[[not line for line in lines]]
    block = tokenizer.encode_lines(texts)
    lengths, sentences_up_to = divide(block, limit)
    block.ids.astype(id_dtype(tokenizer.vocab_size)).tofile(files["ids"])
    block.word_starts.astype(np.uint8).tofile(files["word_starts"])
    lengths.tofile(files["sentences"])
    (sentences_before + sentences_up_to[ends]).tofile(files["documents"])
    cut = take_words_cut(tokenizer)
    return Counts(0, len(lengths), len(block.ids), sum(map(len, texts)), int((block.ids == tokenizer.unk_id).sum()),
                  cut.words_cut, cut.characters_cut)


def divide(block: IdBlock, limit: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the lengths of the sentences after dividing those over `limit`, and how many the first n of them became.

    Sentences without tokens disappear.
    """
    if not len(block.lengths) or (block.lengths.min() > 0 and block.lengths.max() <= limit):
        return block.lengths, np.arange(len(block.lengths) + 1)
    lengths: list[int] = []
    up_to = [0]
    start = 0
    for length in block.lengths.tolist():
        lengths += _parts(block.word_starts[start:start + length], limit)
        up_to.append(len(lengths))
        start += length
    return np.array(lengths, np.int64), np.array(up_to)


def _parts(word_starts: np.ndarray, limit: int) -> list[int]:
    """Return the lengths of a sentence's parts: as long as possible, up to a word's start if a word fits at all."""
    parts = []
    while len(word_starts) > limit:
        before = np.flatnonzero(word_starts[1:limit + 1])
        parts.append(int(before[-1]) + 1 if len(before) else limit)
        word_starts = word_starts[parts[-1]:]
    return parts + [len(word_starts)] if len(word_starts) else parts


def _join(jobs: list[Job], counts: list[Counts], out: Path, split: str, vocab_size: int, total: Counts) -> int:
    """Join the ranges into the arrays of the split, one at a time; return the number of documents."""
    for name, dtype in (("ids", id_dtype(vocab_size)), ("word_starts", np.dtype(np.uint8))):
        shards = (np.memmap(path, dtype, "r") for job in jobs if (path := _shard(job, name)).stat().st_size)
        _write_array(array_path(out, split, name), shards, dtype, total.tokens)
    int64 = np.dtype(np.int64)
    _write_array(array_path(out, split, "sentences"), _token_offsets(jobs, counts), int64, total.sentences + 1)
    documents = sum(map(len, _sentence_offsets(jobs, counts)))
    _write_array(array_path(out, split, "documents"), _sentence_offsets(jobs, counts), int64, documents)
    return documents - 1


def _token_offsets(jobs: list[Job], counts: list[Counts]) -> Iterator[np.ndarray]:
    """Yield 0 and then the end of each sentence, a range at a time."""
    yield np.zeros(1, np.int64)
    before = 0
    for job, count in zip(jobs, counts, strict=True):
        yield before + np.cumsum(np.fromfile(_shard(job, "sentences"), np.int64))
        before += count.tokens


def _sentence_offsets(jobs: list[Job], counts: list[Counts]) -> Iterator[np.ndarray]:
    """Yield 0 and then the end of each document that has sentences, a range at a time."""
    yield np.zeros(1, np.int64)
    before = last = 0
    for job, count in zip(jobs, counts, strict=True):
        ends = np.unique(before + np.fromfile(_shard(job, "documents"), np.int64))
        yield ends[ends > last]
        last = int(ends[-1]) if len(ends) else last
        before += count.sentences
    if before > last:
        yield np.array([before])


def _write_array(path: Path, parts: Iterator[np.ndarray], dtype: np.dtype, length: int) -> None:
    """Write a one-dimensional ``.npy`` file whose parts never lie in memory together."""
    with path.open("wb") as stream:
        header = {"descr": np.lib.format.dtype_to_descr(dtype), "fortran_order": False, "shape": (length,)}
        np.lib.format.write_array_header_1_0(stream, header)
        for part in parts:
            part.tofile(stream)
