"""Chunk scores exactly as conlleval, the script of the CoNLL-2000 and CoNLL-2003 shared tasks, has them.

A tag is everything before its first hyphen, its type everything after it (types may hold hyphens). The script's rules
cover IOB1, IOB2, IOE1 and IOE2 alike and are kept as they are, also where a scheme is mixed or malformed: an ``I-``
after ``O`` starts a chunk, and so does a change of type. The script knows no ``S``, and no ``B`` after ``E``: under
IOBES it runs neighbours of one type together. `jptransfer.tasks.spans` reads such files as they are meant; what is
scored here is IOB2.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

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


@dataclass
class ChunkCounts:
    """Counts by type over any number of sentences."""

    correct: Counter[str] = field(default_factory=Counter)
    found: Counter[str] = field(default_factory=Counter)
    gold: Counter[str] = field(default_factory=Counter)
    tokens: int = 0
    correct_tokens: int = 0

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

    def add(self, gold: Sequence[str], predicted: Sequence[str]) -> None:
        """Count one sentence's tags; a chunk never crosses a sentence."""
        if len(gold) != len(predicted):
            raise DataError(f"a sentence has {len(gold)} gold tags and {len(predicted)} predicted ones")
        last_gold = last_found = ("O", "")
        inside = ""  # type of the chunk that both have open since the same token
        is_open = False
        for g, p in zip([*map(split_tag, gold), ("O", "")], [*map(split_tag, predicted), ("O", "")], strict=True):
            gold_ends, found_ends = ends(last_gold, g), ends(last_found, p)
            if is_open and gold_ends and found_ends:
                self.correct[inside] += 1
            is_open = is_open and not gold_ends and not found_ends and g[1] == p[1]
            gold_starts, found_starts = starts(last_gold, g), starts(last_found, p)
            self.gold[g[1]] += gold_starts
            self.found[p[1]] += found_starts
            if gold_starts and found_starts and g[1] == p[1]:
                is_open, inside = True, g[1]
            last_gold, last_found = g, p
        self.tokens += len(gold)
        self.correct_tokens += matching(gold, predicted)

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


def starts(last: Tag, tag: Tag) -> bool:
    """Tell whether a chunk starts at `tag`, which follows `last`."""
    changed = tag[0] not in _OUTSIDE and last[1] != tag[1]
    return (last[0], tag[0]) in _STARTS or changed or tag[0] in _BRACKETS


def ends(last: Tag, tag: Tag) -> bool:
    """Tell whether a chunk ends between `last` and `tag`."""
    changed = last[0] not in _OUTSIDE and last[1] != tag[1]
    return (last[0], tag[0]) in _ENDS or changed or last[0] in _BRACKETS


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
    counts = ChunkCounts()
    try:
        for gold_tags, predicted_tags in zip(gold, predicted, strict=True):
            counts.add(gold_tags, predicted_tags)
    except ValueError:
        raise DataError("gold and predicted tags differ in their number of sentences") from None
    return counts
