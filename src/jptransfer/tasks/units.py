"""Units a tagger scores, and the windows that hold a long sentence's units."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jptransfer.text.types import Encoding, Tokenizer

OVERLAP = 0.25
"""Share of a window that it has in common with the next one: context for the units near its border."""

Range = tuple[int, int]


def cut(text: str, tokens: Sequence[Range] | None, tokenizer: Tokenizer) -> tuple[Encoding, list[Range], list[int]]:
    """Return pieces, units (character ranges in order) and the index of each unit's first piece.

    Units are the gold `tokens` where there are any, else the pieces; pieces that share a character make one unit.
    """
    if tokens is not None:
        pieces = tokenizer.encode_words([text[start:end] for start, end in tokens], [start for start, _ in tokens])
        return pieces, list(tokens), _word_starts(pieces.words)
    pieces = tokenizer.encode(text)
    units: list[Range] = []
    firsts: list[int] = []
    for index, (start, end) in enumerate(pieces.offsets):
        start, end = _trim(text, start, end)
        if units and start < units[-1][1]:
            units[-1] = (units[-1][0], max(end, units[-1][1]))
        else:
            units.append((start, end))
            firsts.append(index)
    return pieces, units, firsts


def _word_starts(words: Sequence[int]) -> list[int]:
    return [index for index, word in enumerate(words) if index == 0 or words[index - 1] != word]


def _trim(text: str, start: int, end: int) -> tuple[int, int]:
    """Leave out the space that SentencePiece counts to a piece (unless there is nothing else)."""
    piece = text[start:end]
    if not piece or piece.isspace():
        return start, end
    return start + len(piece) - len(piece.lstrip()), end - len(piece) + len(piece.rstrip())


@dataclass(frozen=True)
class Window:
    """Units `first` to `last` (exclusive), of which those in `scored` are scored in this window."""

    first: int
    last: int
    scored: range


def windows(borders: Sequence[int], room: int) -> list[Window]:
    """Cover units with windows of at most `room` pieces; `borders`: the units' first pieces and, last, the end.

    A unit of more than `room` pieces gets a window of its own. Every unit is scored in exactly one window.
    """
    count = len(borders) - 1
    held: list[tuple[int, int]] = []
    first = last = 0
    while last < count:
        last = _reach(borders, first, room)
        held.append((first, last))
        first = _step_back(borders, first, last, room)
    made, scored = [], 0
    for number, (first, last) in enumerate(held):
        following = held[number + 1][0] if number + 1 < len(held) else last
        until = (following + last + 1) // 2 if following < last else last
        made.append(Window(first, last, range(scored, until)))
        scored = until
    return made or [Window(0, 0, range(0))]


def _reach(borders: Sequence[int], first: int, room: int) -> int:
    return max(first + 1, bisect_right(borders, borders[first] + room) - 1)


def _step_back(borders: Sequence[int], first: int, last: int, room: int) -> int:
    """First unit of the next window: it repeats what fits into `OVERLAP` and leaves room for a new unit."""
    start = last
    while (
        start - 1 > first
        and last + 1 < len(borders)
        and borders[last] - borders[start - 1] <= room * OVERLAP
        and borders[last + 1] - borders[start - 1] <= room
    ):
        start -= 1
    return start
