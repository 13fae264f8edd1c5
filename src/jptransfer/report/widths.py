"""How wide text is in columns of a fixed-width grid: wide characters (kanji, kana) fill two, combining marks none."""

from __future__ import annotations

import unicodedata


def columns(text: str) -> int:
    """Return how many columns `text` fills."""
    return sum(_columns(character) for character in text)


def shorten(text: str, limit: int) -> str:
    """Return `text`, cut with an ellipsis if it fills more than `limit` columns."""
    if columns(text) <= limit:
        return text
    used, kept = 1, ""
    for character in text:
        used += _columns(character)
        if used > limit:
            break
        kept += character
    return kept + "…"


def _columns(character: str) -> int:
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1
