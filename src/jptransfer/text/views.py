"""Words seen twice: every word is a row of ids, the word's own first and then those of its characters.

Encoders that read words by their characters (ELMo, Peters et al. 2018; the tagger of Johnson et al. 2019) find the
words in the flat ids again, since all units share one id space: special tokens, words, characters. A word's id is
below `ViewsTokenizer.first_character`, a character's is not.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any, Self

from jptransfer.config import TokenizerConfig
from jptransfer.text.alignment import replace_surrogates
from jptransfer.text.base import Settings, most_frequent
from jptransfer.text.cuts import Cut
from jptransfer.text.memo import MEMO_WORDS, Memo
from jptransfer.text.romanize import romanise_tokens
from jptransfer.text.simple import byte_names
from jptransfer.text.types import SPECIAL_TOKENS, Encoding
from jptransfer.text.words import LETTERS, WordBasedTokenizer, spelled_words, word_counts

MARK = " "
"""Stands before a character unit in the vocabulary; no word contains white space, so the two cannot be confused."""
UNKNOWN = MARK + SPECIAL_TOKENS[1]
"""A character unit that is not in the vocabulary; the first of them all."""
_BYTES = byte_names()
MOST_BYTES = 4
"""Most units that a view makes of a character: its bytes in UTF-8."""


def characters(spelling: str) -> list[str]:
    """Return the characters of a word."""
    return list(spelling)


def bigrams(spelling: str) -> list[str]:
    """Return the pairs of neighbouring characters: Yes -> Ye, es; one character stands for itself."""
    return ["".join(pair) for pair in pairwise(spelling)] or list(spelling)


def utf8(spelling: str) -> list[str]:
    """Return the bytes of a word's UTF-8, by the names that byte-level vocabularies give them."""
    return [_BYTES[byte] for byte in spelling.encode()]


VIEWS: dict[str, Callable[[str], list[str]]] = {"characters": characters, "bigrams": bigrams, "bytes": utf8}
"""Name of a character view -> the function that cuts a word's spelling into its units."""


class ViewsTokenizer(WordBasedTokenizer):
    """The most frequent words, and beside each word its characters, in which no case is lost.

    Attributes:
        first_character: id of the first character unit; lower ids are those of special tokens and words.
        read_characters: characters of a word that the model reads, if they are fewer than `max_characters`.
        words_cut: words with more characters than are read, counted until they are taken, see `take_words_cut`.
    """

    read_characters: int | None = None
    words_cut = Cut()

    def __init__(self, settings: Settings, tokens: Sequence[str]) -> None:
        """Take the settings and all tokens in the order of their ids."""
        super().__init__(settings, tokens)
        self.first_character = self._ids.get(UNKNOWN, len(self.tokens))
        self._cut_spelling = VIEWS[settings.view]
        self._units: Memo[list[int]] = Memo(self._cut_units, MEMO_WORDS)
        self._given_units: Memo[list[int]] = Memo(self._cut_given, MEMO_WORDS)

    @classmethod
    def train(cls, config: TokenizerConfig, sentences: Sequence[str]) -> Self:
        """Count words and their character units in `sentences`."""
        own = config.views
        settings = replace(Settings.of(config), lowercase=False, lowercase_words=config.lowercase,
                           view=own.characters.value, max_characters=own.max_characters,
                           romanize_characters=own.romanize and not config.romanize)
        words, units = count_views(settings, word_counts(settings, sentences))
        every = dict.fromkeys(_BYTES, own.min_frequency) if settings.view == "bytes" else units
        kept = sorted(unit for unit, count in every.items() if count >= own.min_frequency)
        return cls(settings, [*SPECIAL_TOKENS, *most_frequent(words, config), UNKNOWN, *(MARK + unit for unit in kept)])

    def save_units(self, folder: Any) -> dict[str, Any]:
        """Write ``vocab.txt``; transformers has no tokenizer of this kind."""
        self.save_vocabulary(folder)
        return {}

    def encode(self, text: str) -> Encoding:
        """Cut `text`; every piece of a word has the word's offsets, which refer to `text` as given."""
        text = replace_surrogates(text)
        aligned = self.settings.align_cased(text)
        if self.settings.romanize_characters:
            words = spelled_words(self.settings, aligned.text)
        else:
            words = [(aligned.text[start:end], start, end) for start, end in self.segmenter.spans(aligned.text)]
        self._count_cut(word for word, _, _ in words)
        return _rows((self._units[word] for word, _, _ in words),
                     [aligned.span(start, end) for _, start, end in words])

    def encode_words(self, words: Sequence[str], starts: Sequence[int] | None = None) -> Encoding:
        """Make each of `words` one row, whatever the segmenter would do; see `jptransfer.text.types.Tokenizer`."""
        places = starts
        if places is None:
            places = [0]
            for word in words:
                places.append(places[-1] + len(word))
        spans = [(place, place + len(word)) for word, place in zip(words, places, strict=False)]
        if not self.settings.romanize_characters:
            self._count_cut(map(self._normal, words))
            return _rows(map(self._given_units.__getitem__, words), spans)
        letters = romanise_tokens(words, self.settings.romaniser.segmenter)
        surfaces = (self._normal(word).replace(LETTERS, " ") for word in words)
        keys = [surface + LETTERS + spelled for surface, spelled in zip(surfaces, letters, strict=True)]
        self._count_cut(keys)
        return _rows((self._units[key] for key in keys), spans)

    def _count_cut(self, words: Iterable[str]) -> None:
        """Count the words, as `_cut_word` takes them, whose characters are not all read."""
        limit = min(self.settings.max_characters, self.read_characters or self.settings.max_characters)
        for word in words:
            if len(word) * MOST_BYTES > limit:
                lost = len(self._cut_spelling(spelling(self.settings, word)[1])) - limit
                if lost > 0:
                    self.words_cut += Cut(words_cut=1, characters_cut=lost)

    def _normal(self, word: str) -> str:
        return self.settings.normalise(replace_surrogates(word)).strip()

    def _cut_given(self, word: str) -> list[int]:
        return self._units[self._normal(word)]

    def _cut_word(self, word: str) -> list[tuple[int, int]]:
        word, spelled = spelling(self.settings, word)
        shown = word.lower() if self.settings.lowercase_words else word
        index = self.unk_id if not shown or shown in SPECIAL_TOKENS else self.id(shown)
        return [(index, len(word)), *((unit, 0) for unit in self._characters(spelled))]

    def _characters(self, spelled: str) -> list[int]:
        units = self._cut_spelling(spelled)[:self.settings.max_characters]
        return [self._ids.get(MARK + unit, self.first_character) for unit in units]

    def _join(self, tokens: list[str]) -> str:
        return super()._join([token for token in tokens if not token.startswith(MARK)])


def spelling(settings: Settings, word: str) -> tuple[str, str]:
    """Return a word and what its character units are cut from: itself, or its Latin letters (see `spelled_words`)."""
    if not settings.romanize_characters:
        return word, word
    surface, _, spelled = word.partition(LETTERS)
    return surface, spelled


def count_views(settings: Settings, surfaces: Counter[str]) -> tuple[Counter[str], Counter[str]]:
    """Return how often words and character units occur, given how often each surface does."""
    words: Counter[str] = Counter()
    units: Counter[str] = Counter()
    for word, count in surfaces.items():
        surface, spelled = spelling(settings, word)
        words[surface.lower() if settings.lowercase_words else surface] += count
        for unit in VIEWS[settings.view](spelled):
            units[unit] += count
    return words, units


def _rows(words: Iterable[list[int]], spans: Sequence[tuple[int, int]]) -> Encoding:
    """Return the pieces of words, given each word's ids and its span."""
    ids: list[int] = []
    offsets: list[tuple[int, int]] = []
    numbers: list[int] = []
    for number, (units, span) in enumerate(zip(words, spans, strict=True)):
        ids += units
        offsets += [span] * len(units)
        numbers += [number] * len(units)
    return Encoding(ids, offsets, numbers)
