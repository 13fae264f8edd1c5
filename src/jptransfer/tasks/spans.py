"""Tags to typed spans and back, by the rules of conlleval (the script of CoNLL-2000 and later): pure functions.

A tag is ``O``, or a prefix and a type such as ``B-LOC``. Prefixes of IOB1, IOB2, IOE1, IOE2, BIOES (``S`` single),
BILOU (``L`` last, ``U`` unit), BMES and BMEO (``M`` middle) and BMEWO (``W`` whole) are read by one rule, so a file's
scheme need not be named; what is written is IOB2.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import NamedTuple

OUTSIDE = "O"
UNTYPED = "entity"
"""Type of chunks whose tags are a bare prefix (``B``, ``I``)."""

_STARTS = frozenset("BSUW")
_ENDS = frozenset("ESLUW")
_PREFIXES = _STARTS | _ENDS | frozenset("IM")


SCHEMES = {"iob1": "", "iob2": "IBIB", "ioe1": "", "ioe2": "IIEE", "iobes": "IBES", "bioes": "IBES", "bmes": "MBES",
           "bilou": "IBLU"}
"""Schemes that can be written -> prefixes of an entity's inner, first, last and only unit; those of 1 depend."""


class Span(NamedTuple):
    """Half-open range of characters (or units) with a type."""

    start: int
    end: int
    type: str


@lru_cache(4096)
def split_tag(tag: str) -> tuple[str, str]:
    """Return prefix and type of a tag; ``("O", "")`` outside. Raises `ValueError` for what is no tag."""
    prefix, _, kind = tag.partition("-")
    if prefix == OUTSIDE and not kind:
        return OUTSIDE, ""
    if prefix not in _PREFIXES:
        raise ValueError(f"'{tag}' is no tag (O, or B-, I-, M-, E-, L-, S-, U-, W- and a type)")
    return prefix, kind or UNTYPED


def chunks(tags: Iterable[str]) -> list[Span]:
    """Return the chunks of a tag sequence as ranges of positions.

    A chunk starts at a ``B`` (``S``, ``U``, ``W``), after a tag that is ``O`` or closes a chunk (``E``, ``L``, ``S``,
    ``U``, ``W``), and where the type changes; so ``I-`` after ``O`` starts one, as in conlleval.
    """
    found: list[Span] = []
    start, inside, before = 0, "", OUTSIDE
    position = -1
    for position, tag in enumerate(tags):
        prefix, kind = split_tag(tag)
        begins = prefix != OUTSIDE and (kind != inside or prefix in _STARTS or before in _ENDS)
        if inside and (begins or prefix == OUTSIDE):
            found.append(Span(start, position, inside))
        if begins:
            start = position
        inside, before = kind, prefix
    if inside:
        found.append(Span(start, position + 1, inside))
    return found


def tag_units(length: int, spans: Iterable[Span], scheme: str = "iob2") -> list[str]:
    """Return tags of `length` units in a scheme of `SCHEMES`, for ranges of units that do not overlap.

    IOB1 writes ``B`` only, and IOE1 ``E`` only, where an entity of the same type touches.
    """
    ordered = sorted(spans)
    tags = [OUTSIDE] * length
    for number, (start, end, kind) in enumerate(ordered):
        touched = number > 0 and ordered[number - 1][1:] == (start, kind)
        touches = number + 1 < len(ordered) and (ordered[number + 1].start, ordered[number + 1].type) == (end, kind)
        inside, first, last, single = [*_prefixes(scheme, touched=touched, touches=touches)]
        tags[start:end] = [f"{inside}-{kind}"] * (end - start)
        alone = end - start == 1
        tags[start] = f"{single if alone else first}-{kind}"
        tags[end - 1] = f"{single if alone else last}-{kind}"
    return tags


def _prefixes(scheme: str, *, touched: bool, touches: bool) -> str:
    """Prefixes of an entity's inner, first, last and only unit."""
    changing = {"iob1": "IBIB" if touched else "IIII", "ioe1": "IIEE" if touches else "IIII"}
    return (SCHEMES | changing)[scheme]


def may_follow(before: str, tag: str) -> bool:
    """Whether IOB2 allows `tag` after `before` (empty: at the beginning): I- needs a B- or I- of its type before it."""
    prefix, kind = split_tag(tag)
    return prefix != "I" or (bool(before) and split_tag(before)[1] == kind)


def tag_names(types: Sequence[str]) -> list[str]:
    """Return all IOB2 tags over `types`, ``O`` first: the order of a tagger's outputs."""
    return [OUTSIDE, *(f"{prefix}-{kind}" for kind in types for prefix in "BI")]


def to_units(spans: Iterable[Span], units: Sequence[tuple[int, int]]) -> tuple[list[Span], int]:
    """Turn character spans into ranges of units; also count the spans that do not begin and end on units' borders.

    Such a span takes all units it touches that no span before it has taken; without units of its own it is left
    out. `units` are half-open character ranges in ascending order that do not overlap.
    """
    starts, ends = [unit[0] for unit in units], [unit[1] for unit in units]
    found: list[Span] = []
    misaligned = taken = 0
    for start, end, kind in sorted(spans):
        first, last = bisect_right(ends, start), bisect_left(starts, end)
        if first >= last or starts[first] != start or ends[last - 1] != end:
            misaligned += 1
        first = max(first, taken)
        if first < last:
            found.append(Span(first, last, kind))
            taken = last
    return found, misaligned


def to_characters(spans: Iterable[Span], units: Sequence[tuple[int, int]]) -> list[Span]:
    """Turn ranges of units into character spans."""
    return [Span(units[start][0], units[end - 1][1], kind) for start, end, kind in spans]
