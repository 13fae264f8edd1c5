"""What the tokenizers that start from words share: the memo of words and the fast path for corpora."""

from __future__ import annotations

from abc import abstractmethod
from array import array
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np

from jptransfer.errors import DataError
from jptransfer.text.alignment import identity, lowercase, replace_surrogates
from jptransfer.text.base import BaseTokenizer, Settings
from jptransfer.text.memo import MEMO_WORDS, Memo
from jptransfer.text.segment import PACKAGES, Segmenter, dictionary_folder, mecab_options
from jptransfer.text.types import Encoding, IdBlock, Template

VOCABULARY = "vocab.txt"
LINES_AT_ONCE = 1000
LETTERS = "\t"
"""Stands between a word and its Latin letters, where both count; no word contains white space."""
_WORD_START = 1 << 31
"""Marks the first of a word's ids in the memo."""


class WordBasedTokenizer(BaseTokenizer):
    """Cuts MeCab words further. As in transformers, NFKC comes before MeCab and lower case after it, word by word."""

    template = Template.of_bert(BaseTokenizer.cls_id, BaseTokenizer.sep_id, odd_to_first=True)
    """Its class in transformers, BertJapaneseTokenizer, is written in Python."""
    inside = ""
    """Mark of pieces that do not start a word."""

    def __init__(self, settings: Settings, tokens: Sequence[str]) -> None:
        """Take the settings and all tokens in the order of their ids."""
        super().__init__(settings, tokens)
        self.segmenter = settings.cutter()
        self._pieces: Memo[list[tuple[int, int]]] = Memo(self._cut_word, MEMO_WORDS)
        self._packed_ids: Memo[bytes] = Memo(self._pack, MEMO_WORDS)

    def _join(self, tokens: list[str]) -> str:
        """Words stand side by side, but for a space between two that are written in Latin letters or digits."""
        text = ""
        for token in tokens:
            latin = text[-1:].isascii() and text[-1:].isalnum() and token[:1].isascii() and token[:1].isalnum()
            text += f" {token}" if latin else token.removeprefix(self.inside)
        return text

    @abstractmethod
    def _cut_word(self, word: str) -> list[tuple[int, int]]:
        """Return id and length (characters) of each piece of a normalised word; at least one."""

    def encode(self, text: str) -> Encoding:
        """Cut `text`; offsets refer to `text` as given."""
        text = replace_surrogates(text)
        aligned = self.settings.align_cased(text)
        ids: list[int] = []
        offsets: list[tuple[int, int]] = []
        words: list[int] = []
        for number, (start, end) in enumerate(self.segmenter.spans(aligned.text)):
            surface = aligned.text[start:end]
            word = lowercase(surface) if self.settings.lowercase else identity(surface)
            place = 0
            for index, length in self._pieces[surface.lower() if self.settings.lowercase else surface]:
                low, high = word.span(place, place + length)
                ids.append(index)
                offsets.append(aligned.span(start + low, start + high))
                words.append(number)
                place += length
        return Encoding(ids, offsets, words)

    def encode_lines(self, lines: Iterable[str]) -> IdBlock:
        """Return the ids of many sentences: one look-up a word, the rest by numpy.

        MeCab sees all lines before the first word is looked up: its lattice and the memo do not fit the cache together.
        """
        packed: list[bytes] = []
        words_by_line: list[int] = []
        for words in line_words(self.settings, self.segmenter, lines):
            self._count_cut(words)
            packed += map(self._packed_ids.__getitem__, words)
            words_by_line.append(len(words))
        marked = np.frombuffer(b"".join(packed), np.uint32)
        word_starts = marked >= _WORD_START
        borders = np.append(np.flatnonzero(word_starts), len(marked))
        line_ends = np.cumsum(np.array(words_by_line, np.int64))
        return IdBlock(marked & np.uint32(_WORD_START - 1), word_starts, np.diff(borders[line_ends], prepend=0))

    def _count_cut(self, words: Iterable[str]) -> None:
        """Count what a limit on the length of words cuts off; only kinds with such a limit do."""

    def _cut_units(self, word: str) -> list[int]:
        return [index for index, _ in self._cut_word(word)]

    def _pack(self, word: str) -> bytes:
        ids = array("I", self._cut_units(word))
        ids[0] |= _WORD_START
        return ids.tobytes()

    @classmethod
    def load(cls, folder: Path, settings: Settings) -> Self:
        """Read ``vocab.txt``."""
        try:
            lines = (folder / VOCABULARY).read_text(encoding="utf-8").split("\n")
        except (OSError, UnicodeDecodeError) as error:
            raise DataError(f"{folder / VOCABULARY} is missing or damaged: {error}") from error
        return cls(settings, lines[:-1])

    def save_vocabulary(self, folder: Path) -> dict[str, Any]:
        """Write ``vocab.txt``; return what transformers' BertJapaneseTokenizer needs to know."""
        (folder / VOCABULARY).write_text("".join(f"{token}\n" for token in self.tokens), encoding="utf-8")
        return {"tokenizer_class": "BertJapaneseTokenizer", "word_tokenizer_type": "mecab", "do_word_tokenize": True,
                "do_lower_case": self.settings.lowercase, "mecab_kwargs": self._mecab_arguments()}

    def _mecab_arguments(self) -> dict[str, Any]:
        dictionary = self.settings.dictionary
        if dictionary in PACKAGES:
            return {"normalize_text": self.settings.nfkc, "mecab_dic": PACKAGES[dictionary]}
        options = mecab_options(dictionary_folder(dictionary))
        return {"normalize_text": self.settings.nfkc, "mecab_dic": None, "mecab_option": options}


def line_words(settings: Settings, cutter: Segmenter, lines: Iterable[str]) -> Iterator[list[str]]:
    """Yield the normalised words of each line; those whose characters are romanised as `spelled_words` has them."""
    if settings.romanize_characters:
        for line in lines:
            yield [word for word, _, _ in spelled_words(settings, settings.cased(line))]
        return
    spaced = [cutter.spaced(settings.cased(line)) for line in lines]
    for line in spaced:
        yield (line.lower() if settings.lowercase else line).split()


def spelled_words(settings: Settings, text: str) -> list[tuple[str, int, int]]:
    """Return the words of a normalised text, each with `LETTERS` and its Latin letters after it, and their spans."""
    write = settings.romaniser
    return [(f"{text[word.start:word.end]}{LETTERS}{write.letters(text, word)}", word.start, word.end)
            for word in write.segmenter.words(text)]


def word_counts(settings: Settings, sentences: Sequence[str]) -> Counter[str]:
    """Count the normalised words of `sentences`."""
    cutter = settings.cutter()
    counts: Counter[str] = Counter()
    for start in range(0, len(sentences), LINES_AT_ONCE):
        for words in line_words(settings, cutter, sentences[start:start + LINES_AT_ONCE]):
            counts.update(words)
    return counts
