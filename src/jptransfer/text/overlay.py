"""Words laid over pieces: which pieces of a tokenizer that knows no words belong to the same word of the segmenter.

Whole-word masking hides all pieces of a word together, whatever the tokenizer's own idea of a word is: a pre-tokenizer
that splits at white space takes a Japanese sentence for one word.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from jptransfer.text.alignment import Aligned
from jptransfer.text.segment import Segmenter

Span = tuple[int, int]


class WordOverlay:
    """The words of a segmenter as spans of the original text."""

    def __init__(self, align: Callable[[str], Aligned], segmenter: Segmenter) -> None:
        """Take the normalisation that comes before the segmenter, and the segmenter."""
        self._align, self._segmenter = align, segmenter

    def words(self, text: str) -> list[Span]:
        """Return the half-open character spans of the words in `text`; they begin in order."""
        aligned = self._align(text)
        return [aligned.span(start, end) for start, end in self._segmenter.spans(aligned.text)]

    def number(self, text: str, offsets: Iterable[Span]) -> list[int]:
        """Return the number of the word that each piece of `text` belongs to, see `number_pieces`."""
        return number_pieces(offsets, self.words(text))

    def starts(self, text: str, offsets: Iterable[Span]) -> list[bool]:
        """Return whether each piece of `text` is the first of its word."""
        return word_starts(self.number(text, offsets))


def number_pieces(offsets: Iterable[Span], words: Sequence[Span]) -> list[int]:
    """Number pieces by word, from 0 without gaps.

    Pieces that share a word have one number, and so have words that share a piece. White space between words counts to
    the word after it.

    Args:
        offsets: spans of the pieces, never decreasing.
        words: spans of the words in the same text, in order.
    """
    numbers: list[int] = []
    number, border, place = -1, -1, 0  # `border`: where the open word ends
    for start, end in offsets:
        is_new = start >= border
        number += is_new
        first = place
        while place < len(words) and words[place][0] < end:
            border, place = max(border, words[place][1]), place + 1
        if is_new and place == first and place < len(words):  # white space alone
            border, place = max(border, words[place][1]), place + 1
        border = max(border, end)
        numbers.append(number)
    return numbers


def word_starts(numbers: Sequence[int]) -> list[bool]:
    """Return whether each piece is the first with its number."""
    return [place == 0 or number != numbers[place - 1] for place, number in enumerate(numbers)]
