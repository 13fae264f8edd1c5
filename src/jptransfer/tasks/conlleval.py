"""Chunk scores exactly as conlleval, the script of the CoNLL-2000 and CoNLL-2003 shared tasks, has them.

A tag is everything before its first hyphen, its type everything after it (types may hold hyphens). The script's rules
cover IOB1, IOB2, IOE1 and IOE2 alike and are kept as they are, also where a scheme is mixed or malformed: an ``I-``
after ``O`` starts a chunk, and so does a change of type. The script knows no ``S``, and no ``B`` after ``E``: under
IOBES it runs neighbours of one type together. `jptransfer.tasks.spans` reads such files as they are meant; what is
scored here is IOB2.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import repeat
from typing import Any

import numpy as np

from jptransfer.errors import DataError
from jptransfer.tasks.spans import Span, tag_units, to_units

_STARTS = frozenset({("B", "B"), ("I", "B"), ("O", "B"), ("O", "I"), ("O", "E"), ("E", "E"), ("E", "I")})
_ENDS = frozenset({("B", "B"), ("B", "O"), ("I", "B"), ("I", "O"), ("E", "E"), ("E", "I"), ("E", "O")})
_OUTSIDE = frozenset({"O", "."})
_BRACKETS = frozenset({"[", "]"})

Tag = tuple[str, str]


@dataclass(frozen=True)
class Scores:
    """Precision, recall and F1 of chunks between 0 and 1, and the counts behind them."""

    correct: int
    found: int
    gold: int

    @property
    def precision(self) -> float:
        """Share of found chunks that are correct."""
        return self.correct / self.found if self.found else 0.0

    @property
    def recall(self) -> float:
        """Share of gold chunks that are found."""
        return self.correct / self.gold if self.gold else 0.0

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall."""
        return 2 * self.correct / (self.found + self.gold) if self.correct else 0.0


@dataclass(frozen=True)
class ChunkCounts:
    """Counts by type over any number of sentences."""

    correct: Counter[str]
    found: Counter[str]
    gold: Counter[str]
    tokens: int
    correct_tokens: int

    @property
    def accuracy(self) -> float:
        """Share of tokens with the right tag and type."""
        return self.correct_tokens / self.tokens if self.tokens else 0.0

    @property
    def overall(self) -> Scores:
        """Scores over all types."""
        return Scores(self.correct.total(), self.found.total(), self.gold.total())

    @property
    def types(self) -> dict[str, Scores]:
        """Scores of each type that occurs, sorted by name."""
        names = sorted({*+self.found, *+self.gold})
        return {name: Scores(self.correct[name], self.found[name], self.gold[name]) for name in names}

    def __str__(self) -> str:
        """The report that the script prints."""
        whole = self.overall
        lines = [
            f"processed {self.tokens} tokens with {whole.gold} phrases; found: {whole.found} phrases; "
            f"correct: {whole.correct}.",
            f"accuracy: {100 * self.correct_tokens / max(1, self.tokens):6.2f}%; {_percentages(whole)}",
        ]
        lines += [f"{name:>17}: {_percentages(scores)}  {scores.found}" for name, scores in self.types.items()]
        return "\n".join(lines) + "\n"


def _percentages(scores: Scores) -> str:
    """Compute and round in the script's order of operations, so that its last digit comes out as well."""
    precision = 100 * scores.correct / scores.found if scores.found else 0.0
    recall = 100 * scores.correct / scores.gold if scores.gold else 0.0
    f1 = 2 * precision * recall / (precision + recall) if scores.correct else 0.0
    return f"precision: {precision:6.2f}%; recall: {recall:6.2f}%; FB1: {f1:6.2f}"


def split_tag(tag: str) -> Tag:
    """Return a tag's prefix and its type: ``B-ORG-x`` is ``("B", "ORG-x")``, ``O`` is ``("O", "")``."""
    prefix, _, kind = tag.partition("-")
    return prefix, kind


def matching(gold: Sequence[str], predicted: Sequence[str]) -> int:
    """Return the number of tokens whose tags agree."""
    return sum(g == p for g, p in zip(gold, predicted, strict=True))


def unit_tags(units: Sequence[tuple[int, int]], spans: Iterable[Span]) -> list[str]:
    """Return IOB2 tags of `units` (character ranges) for `spans` of characters."""
    return tag_units(len(units), to_units(spans, units)[0])


def score(gold: Iterable[Sequence[str]], predicted: Iterable[Sequence[str]]) -> ChunkCounts:
    """Score sentences of tags.

    Raises:
        DataError: the two differ in their numbers of sentences or tokens.
    """
    marks = _Marks.of(gold, predicted)
    correct, found, wanted = (_by_type(one[1], marks.types) for one in (marks.correct, marks.found, marks.gold))
    return ChunkCounts(correct, found, wanted, tokens=int(marks.lengths.sum()), correct_tokens=marks.correct_tokens)


def score_each(gold: Iterable[Sequence[str]], predicted: Iterable[Sequence[str]]) -> np.ndarray:
    """Return correct, found and gold chunks of each sentence, (sentences, 3) int64; see `score`."""
    marks = _Marks.of(gold, predicted)
    ends = np.cumsum(marks.lengths + 1)  # each sentence has an O after it
    counted = [np.bincount(np.searchsorted(ends, places, side="right"), minlength=len(ends))
               for places, _ in (marks.correct, marks.found, marks.gold)]
    return np.stack(counted, axis=1)


def _by_type(kinds: np.ndarray, types: Sequence[str]) -> Counter[str]:
    return Counter(dict(zip(types, np.bincount(kinds, minlength=len(types)).tolist(), strict=True)))


Places = tuple[np.ndarray, np.ndarray]
"""Positions in the row of all tags, and the number of a chunk's type at each."""


@dataclass(frozen=True)
class _Marks:
    """All sentences as one row of tags, an O after each, and where in it chunks begin.

    Attributes:
        types: of chunks, by number.
        lengths: tokens of each sentence.
        gold, found: places of all chunks.
        correct: places, a token behind their ends, of the chunks that both have.
        correct_tokens: tokens with the same tag.
    """

    types: list[str]
    lengths: np.ndarray
    gold: Places
    found: Places
    correct: Places
    correct_tokens: int

    @classmethod
    def of(cls, gold: Iterable[Sequence[str]], predicted: Iterable[Sequence[str]]) -> _Marks:
        numbers = _Numbers()
        rows, lengths = _rows(gold, predicted)
        g, p = (np.fromiter(map(numbers.__getitem__, row), np.int64, len(row)) for row in rows)
        borders = _Borders.of(list(numbers))
        g_starts, g_ends, g_type = borders.find(g)
        p_starts, p_ends, p_type = borders.find(p)
        place = np.arange(len(g))
        opens = g_starts & p_starts & (g_type == p_type)
        breaks = g_ends | p_ends | (g_type != p_type)
        breaks[np.cumsum(lengths + 1) - 1] = True
        opened, broken = (_latest_before(np.where(marks, place, -1)) for marks in (opens, breaks))
        closed = np.flatnonzero(g_ends & p_ends & (opened >= 0) & (opened >= broken))
        gold_places, found_places = np.flatnonzero(g_starts), np.flatnonzero(p_starts)
        return cls(borders.types, lengths, (gold_places, g_type[gold_places]), (found_places, p_type[found_places]),
                   (closed, g_type[opened[closed]]), int((g == p).sum()) - len(lengths))


class _Numbers(dict[str, int]):
    """Gives every tag a number when it is first asked for."""

    def __missing__(self, tag: str) -> int:
        return self.setdefault(tag, len(self))


def _rows(gold: Iterable[Sequence[str]], predicted: Iterable[Sequence[str]]) -> tuple[list[list[str]], np.ndarray]:
    """Return the two rows of tags, and the length of each sentence."""
    rows: list[list[str]] = [[], []]
    lengths = []
    try:
        for pair in zip(gold, predicted, strict=True):
            if len(pair[0]) != len(pair[1]):
                raise DataError(f"a sentence has {len(pair[0])} gold tags and {len(pair[1])} predicted ones")
            lengths.append(len(pair[0]))
            for row, tags in zip(rows, pair, strict=True):
                row += tags
                row.append("O")
    except ValueError:
        raise DataError("gold and predicted tags differ in their number of sentences") from None
    return rows, np.array(lengths, dtype=np.int64)


def _latest_before(places: np.ndarray) -> np.ndarray:
    """Return the largest of the values before each position, -1 if there is none."""
    return np.maximum.accumulate(np.concatenate(([-1], places[:-1]))) if len(places) else places


@dataclass(frozen=True)
class _Borders:
    """Where chunks start and end, by the numbers of tags.

    Attributes:
        types: of tags, each once.
        prefix, type, outside: of each tag, a number in `types`.
        starts, ends: whether a chunk starts (ends) between two prefixes, (before, after).
    """

    types: list[str]
    prefix: np.ndarray
    type: np.ndarray
    outside: np.ndarray
    bracket: np.ndarray
    starts: np.ndarray
    ends: np.ndarray

    @classmethod
    def of(cls, tags: Sequence[str]) -> _Borders:
        split = [split_tag(tag) for tag in ("O", *tags)]
        prefixes, types = (list(dict.fromkeys(part)) for part in zip(*split, strict=True))
        starts, ends = ([[(one, two) in pairs for two in prefixes] for one in prefixes] for pairs in (_STARTS, _ENDS))
        columns: Iterator[Any] = zip(*((prefixes.index(prefix), types.index(kind), prefix in _OUTSIDE,
                                        prefix in _BRACKETS) for prefix, kind in split[1:]), strict=True)
        prefix, kind, outside, bracket = columns if tags else repeat((), 4)
        return cls(types, np.array(prefix, int), np.array(kind, int), np.array(outside, bool),
                   np.array(bracket, bool), np.array(starts), np.array(ends))

    def find(self, row: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return where chunks start at a tag, where they end before it, and its type; `row`: numbers of tags."""
        prefix, kind, outside, bracket = (of[row] for of in (self.prefix, self.type, self.outside, self.bracket))
        last, changed = _shifted(prefix, 0), _shifted(kind, 0) != kind
        starts = self.starts[last, prefix] | (changed & ~outside) | bracket
        ends = self.ends[last, prefix] | (changed & ~_shifted(outside, True)) | _shifted(bracket, False)
        return starts, ends, kind


def _shifted(row: np.ndarray, first: Any) -> np.ndarray:
    """Return the row one place on; before it stands the end of a sentence, an O."""
    return np.concatenate((np.array([first], row.dtype), row[:-1])) if len(row) else row
