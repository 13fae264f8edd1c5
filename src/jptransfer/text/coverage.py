"""Spans of pieces made whole: in order, never empty, and together over every character that can be seen."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable

Span = tuple[int, int]


def settle(text: str, spans: Iterable[Span]) -> list[Span]:
    """Return spans of the same pieces that never decrease, are never empty and leave no visible character out.

    Normalisers of transformers' tokenizers drop marks and control characters, and byte-level ones give the space before
    a word an empty span. What is dropped belongs to the piece that it stands directly behind, else to the one directly
    before which it stands. Invisible characters that stand between spaces belong to none.
    """
    settled: list[Span] = []
    low = high = 0
    for start, end in spans:
        low, high = max(low, start), max(high, end)
        settled.append((low, high) if low < high else _widened(text, low))
        low, high = settled[-1]
    reach = 0
    for number, (start, end) in enumerate(settled):
        if start > reach:
            _share(text, settled, number, reach)
        reach = max(reach, end)
    if settled and reach < len(text):
        _share(text, settled, len(settled), reach)
    return settled


def _widened(text: str, place: int) -> Span:
    """Return the character that an empty span at `place` stands for: the space before it, or the next character."""
    if place and (place >= len(text) or text[place - 1].isspace()):
        return place - 1, place
    return place, place + 1


def _share(text: str, settled: list[Span], number: int, begin: int) -> None:
    """Give what lies between `begin` and piece `number` to that piece and the one before."""
    stop = settled[number][0] if number < len(settled) else len(text)
    gap = text[begin:stop]
    if gap.isspace():
        return
    head = len(gap) - len(gap.lstrip())
    if number and not head:
        taken = next((place for place, character in enumerate(gap) if character.isspace()), len(gap))
        _extend(settled, number - 1, begin + taken)
        begin, gap = begin + taken, gap[taken:]
    if not gap.strip():
        return
    if number < len(settled) and not gap[-1].isspace():
        tail = max((place + 1 for place, character in enumerate(gap) if character.isspace()), default=0)
        settled[number] = (begin + tail, settled[number][1])
        gap = gap[:tail]
    if any(unicodedata.category(character)[0] not in "CZ" for character in gap):
        if number:
            _extend(settled, number - 1, begin + len(gap.rstrip()))
        elif settled:
            settled[0] = (begin + len(gap) - len(gap.lstrip()), settled[0][1])


def _extend(settled: list[Span], number: int, end: int) -> None:
    """Let a piece, and those that share its end, reach `end`."""
    old = settled[number][1]
    while number >= 0 and settled[number][1] == old:
        settled[number] = (settled[number][0], end)
        number -= 1
