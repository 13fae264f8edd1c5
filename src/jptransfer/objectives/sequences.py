"""Training sequences as ranges of an encoded corpus: packed sentences, single sentences, sentence pairs (NSP)."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from random import Random

import numpy as np

from jptransfer.tasks.base import IGNORED
from jptransfer.text.encoded import EncodedSplit

Range = tuple[int, int]


@dataclass(frozen=True)
class Sequences:
    """Sequences of one or two segments; a segment is a half-open range of tokens of the split.

    Attributes:
        first, second: (n, 2) int64; `second` has empty ranges for sequences without a second segment.
        random_next: (n,) int64, 1 if the second segment does not follow the first, `IGNORED` for empty sequences.
        paired: whether there are second segments.
        special: number of special tokens of every sequence.
        lost: number of tokens cut off, and of pairs that lost tokens; counted for the whole split only.
    """

    first: np.ndarray
    second: np.ndarray
    random_next: np.ndarray
    paired: bool
    special: int
    lost: tuple[int, int] = (0, 0)

    def __len__(self) -> int:
        return len(self.first)

    @cached_property
    def first_lengths(self) -> np.ndarray:
        """Number of tokens of every first segment."""
        return self.first[:, 1] - self.first[:, 0]

    @cached_property
    def lengths(self) -> np.ndarray:
        """Number of tokens of every sequence, including special tokens."""
        return self.tokens + self.special

    @cached_property
    def tokens(self) -> np.ndarray:
        """Number of tokens of every sequence without special tokens."""
        return self.first_lengths + self.second[:, 1] - self.second[:, 0] if self.paired else self.first_lengths

    def padded_to(self, rows: int) -> Sequences:
        """Return `rows` sequences, the last ones empty."""
        more = ((0, rows - len(self)), (0, 0))
        labels = np.pad(self.random_next, more[0], constant_values=IGNORED)
        return Sequences(np.pad(self.first, more), np.pad(self.second, more), labels, self.paired, self.special)

    def take(self, indices: np.ndarray) -> Sequences:
        """Return the sequences with these indices."""
        return Sequences(self.first[indices], self.second[indices], self.random_next[indices], self.paired,
                         self.special)


def single_sequences(split: EncodedSplit, max_length: int, special: int, pack: bool) -> Sequences:
    """Cut the split into sequences of at most `max_length` tokens, `special` ones included; no token is lost.

    With `pack` a sequence has as many whole consecutive sentences of its document as fit, otherwise one. A sentence
    that does not fit on its own is split.
    """
    boundaries = split.sentences.tolist()
    documents = split.documents.tolist() if pack else range(len(boundaries))
    ranges = [r for first, last in pairwise(documents) for r in _fill(boundaries, first, last, max_length - special)]
    array = np.array(ranges, np.int64).reshape(-1, 2)
    nothing = np.zeros_like(array)
    return Sequences(array, nothing, nothing[:, 0], False, special)


def _fill(boundaries: list[int], first: int, last: int, room: int) -> Iterator[Range]:
    """Cut sentences `first` to `last` into ranges of at most `room` tokens, at sentence boundaries where possible."""
    start, end = boundaries[first], boundaries[last]
    while start < end:
        furthest = bisect_right(boundaries, start + room, first, last + 1) - 1
        stop = boundaries[furthest]
        stop = stop if stop > start else start + room
        yield start, stop
        start = stop


def sentence_pairs(split: EncodedSplit, max_length: int, special: int, short: float, random: Random) -> Sequences:
    """Make pairs for next-sentence prediction as in BERT's `create_pretraining_data`.

    Consecutive sentences of a document are collected up to a target length (a random shorter one for a share `short` of
    documents) and split in two. In half of the cases the second segment comes from another document instead, and the
    sentences that it replaced are used again. Pairs that are too long lose tokens at random ends of the longer segment.
    """
    documents = _nonempty_documents(split)
    pairs = [pair for number in range(len(documents))
             for pair in _pairs_of_document(documents, number, max_length - special, short, random)]
    array = np.array(pairs, np.int64).reshape(-1, 6)
    lost = int(array[:, 5].sum()), int(np.count_nonzero(array[:, 5]))
    return Sequences(array[:, 0:2], array[:, 2:4], array[:, 4], True, special, lost)


def _nonempty_documents(split: EncodedSplit) -> list[list[Range]]:
    sentences = list(pairwise(split.sentences.tolist()))
    found = ([s for s in sentences[first:last] if s[1] > s[0]] for first, last in pairwise(split.documents.tolist()))
    return [document for document in found if document]


def _pairs_of_document(
    documents: list[list[Range]], number: int, room: int, short: float, random: Random
) -> Iterator[tuple[int, int, int, int, int, int]]:
    """Yield both segments, whether the second is from another document, and the number of tokens that did not fit."""
    document, position = documents[number], 0
    target = random.randint(2, room) if random.random() < short else room
    while position < len(document):
        stop = position + 1
        while stop < len(document) and document[stop - 1][1] - document[position][0] < target:
            stop += 1
        middle = position + (random.randint(1, stop - position - 1) if stop - position >= 2 else 1)
        first = document[position][0], document[middle - 1][1]
        is_random = stop - position == 1 or random.random() < 0.5
        if is_random:
            second = _random_segment(documents, number, target - (first[1] - first[0]), random)
            position = middle
        else:
            second = document[middle][0], document[stop - 1][1]
            position = stop
        too_many = max(0, first[1] - first[0] + second[1] - second[0] - room)
        yield *_truncate(first, second, room, random), int(is_random), too_many


def _random_segment(documents: list[list[Range]], number: int, target: int, random: Random) -> Range:
    """Return consecutive sentences of (almost surely) another document, until `target` tokens are reached."""
    for _ in range(10):
        other = random.randrange(len(documents))
        if other != number:
            break
    document = documents[other]
    start = end = random.randrange(len(document))
    while end + 1 < len(document) and document[end][1] - document[start][0] < target:
        end += 1
    return document[start][0], document[end][1]


def _truncate(first: Range, second: Range, room: int, random: Random) -> tuple[int, int, int, int]:
    (start1, end1), (start2, end2) = first, second
    while (end1 - start1) + (end2 - start2) > room:
        front = random.random() < 0.5
        if end1 - start1 > end2 - start2:
            start1, end1 = start1 + front, end1 - (not front)
        else:
            start2, end2 = start2 + front, end2 - (not front)
    return start1, end1, start2, end2
