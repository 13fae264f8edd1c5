"""Split Japanese paragraphs into sentences."""

from __future__ import annotations

import re

OPENING, CLOSING = "「『（(【〈《〔［[｛{“‘", "」』）)】〉》〕］]｝}”’"
_MARKS = re.compile(f"[。！？!?｡]+|[{re.escape(OPENING)}]|[{re.escape(CLOSING)}]")


def split_sentences(paragraph: str) -> list[str]:
    """Split after 。！？ (and their half-width forms), but not within brackets nor before a closing bracket.

    Unbalanced brackets are ignored. A half-width ! or ? between Latin letters or digits and other text
    (``Yahoo!ニュース``) does not end a sentence. White space around sentences and empty sentences are removed.
    """
    ends, balanced = _ends(paragraph, nested=True)
    if not balanced:
        ends, _ = _ends(paragraph, nested=False)
    pieces = (paragraph[start:end].strip() for start, end in zip([0, *ends], [*ends, len(paragraph)], strict=True))
    return [piece for piece in pieces if piece]


def _ends(text: str, nested: bool) -> tuple[list[int], bool]:
    """Return the positions after sentence ends, and whether brackets are balanced; `nested`: not within brackets."""
    ends, open_brackets, balanced = [], [], True
    for match in _MARKS.finditer(text):
        mark = match[0]
        if mark in OPENING:
            open_brackets.append(mark)
        elif mark in CLOSING:
            balanced &= bool(open_brackets) and CLOSING.index(mark) == OPENING.index(open_brackets.pop())
        elif not (nested and open_brackets) and _ends_sentence(text, match):
            ends.append(match.end())
    return ends, balanced and not open_brackets


def _ends_sentence(text: str, match: re.Match[str]) -> bool:
    following = text[match.end():match.end() + 1]
    if following and following in CLOSING:
        return False
    latin_before = match.start() > 0 and text[match.start() - 1].isascii() and text[match.start() - 1].isalnum()
    return not (match[0] in ("!", "?") and latin_before and following and not following.isspace())
