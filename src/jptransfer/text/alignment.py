"""Normalisation that remembers, for every character it makes, which original characters it came from."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

_SPACES = re.compile(r"\s+")
_SURROGATES = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True)
class Aligned:
    """Normalised text and the original span of each of its characters.

    Attributes:
        text: the normalised text.
        starts, ends: (len(text),) half-open original spans; never decreasing, never empty. Characters that come
            out of one indivisible group of original characters all have that whole group's span.
    """

    text: str
    starts: Sequence[int]
    ends: Sequence[int]

    def span(self, start: int, end: int) -> tuple[int, int]:
        """Return the original span of the non-empty normalised span ``[start, end)``."""
        return self.starts[start], self.ends[end - 1]

    def then(self, step: Callable[[str], Aligned]) -> Aligned:
        """Apply a further normalisation to the text."""
        after = step(self.text)
        if isinstance(after.starts, range):
            return Aligned(after.text, self.starts, self.ends)
        return Aligned(after.text, [self.starts[i] for i in after.starts], [self.ends[i - 1] for i in after.ends])


def identity(text: str) -> Aligned:
    """Return `text` as it is: character i comes from character i."""
    return Aligned(text, range(len(text)), range(1, len(text) + 1))


def marks_joined(text: str) -> Aligned:
    """Return `text` as it is, but a character and its marks (か and U+3099, ｶ and ﾞ) have the span of all of them."""
    if unicodedata.is_normalized("NFKC", text):
        return identity(text)
    spans = [group for group in _groups(text) for _ in range(*group)]
    return Aligned(text, [start for start, _ in spans], [end for _, end in spans])


def replace_surrogates(text: str) -> str:
    """Replace lone surrogates, which have no UTF-8 form, by U+FFFD; positions do not change."""
    return text if text.isascii() else _SURROGATES.sub("\ufffd", text)


def nfkc(text: str) -> Aligned:
    """Unicode NFKC. A span covers the whole group of characters that composed, decomposed or were reordered."""
    if unicodedata.is_normalized("NFKC", text):
        return identity(text)
    aligned = _rebuild(text, _groups(text), lambda group: unicodedata.normalize("NFKC", group))
    whole = unicodedata.normalize("NFKC", text)
    # Groups are closed under normalisation for every assigned character; should a future Unicode break
    # that, the text stays right and only its offsets become coarse.
    return aligned if aligned.text == whole else Aligned(whole, [0] * len(whole), [len(text)] * len(whole))


def compose(text: str) -> Aligned:
    """NFKC of characters with their marks alone: か and U+3099 or ｶ and ﾞ become one, ｶ and Ａ by themselves stay."""
    return _by_group(text, lambda group: len(group) > 1)


def nfkc_but_tilde(text: str) -> Aligned:
    """NFKC as SentencePiece's rule ``nmt_nfkc`` has it: the full-width tilde ～ stays."""
    return _by_group(text, lambda group: "～" not in group)


def _by_group(text: str, changes: Callable[[str], bool]) -> Aligned:
    """NFKC of those groups of `_groups` for which `changes` is true."""
    if unicodedata.is_normalized("NFKC", text):
        return identity(text)
    return _rebuild(text, _groups(text),
                    lambda group: unicodedata.normalize("NFKC", group) if changes(group) else group)


def lowercase(text: str) -> Aligned:
    """Lower case, character by character (no contextual final sigma)."""
    lowered = "".join(map(str.lower, text))
    if len(lowered) == len(text):
        return Aligned(lowered, range(len(text)), range(1, len(text) + 1))
    return _rebuild(text, ((i, i + 1) for i in range(len(text))), str.lower)


def strip_accents(text: str) -> Aligned:
    """NFKD without accents, as transformers' ``keep_accents=false`` has it: が becomes か, é becomes e."""
    def plain(group: str) -> str:
        return "".join(one for one in unicodedata.normalize("NFKD", group) if unicodedata.category(one) != "Mn")

    return _rebuild(text, _groups(text), plain)


def collapse_spaces(text: str) -> Aligned:
    """Each run of white space becomes one space; white space at both ends goes."""
    words = [(found.start(), found.end()) for found in re.finditer(r"\S+", text)]
    starts: list[int] = []
    ends: list[int] = []
    for start, end in words:
        if starts:
            starts.append(ends[-1])
            ends.append(start)
        starts.extend(range(start, end))
        ends.extend(range(start + 1, end + 1))
    return Aligned(_SPACES.sub(" ", text).strip(), starts, ends)


def _rebuild(text: str, groups: Iterator[tuple[int, int]], change: Callable[[str], str]) -> Aligned:
    pieces: list[str] = []
    starts: list[int] = []
    ends: list[int] = []
    for start, end in groups:
        before = text[start:end]
        after = change(before)
        pieces.append(after)
        if after == before:
            starts.extend(range(start, end))
            ends.extend(range(start + 1, end + 1))
        else:
            starts.extend([start] * len(after))
            ends.extend([end] * len(after))
    return Aligned("".join(pieces), starts, ends)


def _groups(text: str) -> Iterator[tuple[int, int]]:
    """Yield the spans of groups that NFKC treats independently of each other."""
    start = 0
    for position in range(1, len(text)):
        if not _joins_previous(text[position]):
            yield start, position
            start = position
    yield start, len(text)


def _joins_previous(character: str) -> bool:
    """Whether `character` may compose or change places with what stands before it.

    These are the marks, all characters with a combining class among them, and the vowels and finals of Hangul. A
    half-width voicing mark (U+FF9E) counts because its decomposition is a mark.
    """
    if character.isascii():
        return False
    first = unicodedata.normalize("NFKD", character)[0]
    return unicodedata.category(first)[0] == "M" or "\u1160" <= first <= "\u11ff"
