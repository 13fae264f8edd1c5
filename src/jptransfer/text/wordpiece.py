"""WordPiece over MeCab words, as in the Japanese BERTs: greedy, longest match first.

Schuster & Nakajima 2012, "Japanese and Korean voice search"; Devlin et al. 2019, section 3.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Self

from jptransfer.config import TokenizerConfig
from jptransfer.text.base import Settings, covering
from jptransfer.text.types import SPECIAL_TOKENS
from jptransfer.text.words import WordBasedTokenizer, word_counts

PREFIX = "##"
MAX_WORD = 100
"""Longer words are unknown, as in transformers' WordPiece."""


class WordPieceTokenizer(WordBasedTokenizer):
    """MeCab words cut into word pieces; what it saves loads as transformers' BertJapaneseTokenizer."""

    inside = PREFIX

    @classmethod
    def train(cls, config: TokenizerConfig, sentences: Sequence[str]) -> Self:
        """Learn word pieces from the words of `sentences`."""
        settings = Settings.of(config)
        return cls(settings, train_pieces(word_counts(settings, sentences), config))

    def save_units(self, folder: Path) -> dict[str, Any]:
        """Write ``vocab.txt``."""
        return self.save_vocabulary(folder) | {"subword_tokenizer_type": "wordpiece"}

    def _cut_word(self, word: str) -> list[tuple[int, int]]:
        pieces: list[tuple[int, int]] = []
        start, length = 0, len(word)
        units = self._first_units
        while start < length <= MAX_WORD:
            end = length
            while (index := units.get(word[start:end])) is None:
                end -= 1
                if end == start:
                    return [(self.unk_id, length)]
            pieces.append((index, end - start))
            start, units = end, self._inner_units
        return pieces if pieces and pieces[0][0] != self.unk_id else [(self.unk_id, length)]

    @cached_property
    def _first_units(self) -> dict[str, int]:
        """Return what a word may start with; "[MASK]" in a text is text, "[UNK]" makes its word unknown."""
        hidden = set(SPECIAL_TOKENS) - {SPECIAL_TOKENS[self.unk_id]}
        return {token: index for token, index in self._ids.items() if token not in hidden}

    @cached_property
    def _inner_units(self) -> dict[str, int]:
        """Return the pieces that do not start a word, without their mark."""
        return {token.removeprefix(PREFIX): index for token, index in self._first_units.items()
                if token.startswith(PREFIX)}


def train_pieces(words: Counter[str], config: TokenizerConfig) -> list[str]:
    """Return special tokens and word pieces in the order of their ids.

    The trainer numbers the alphabet in the order of a hash map; given as initial pieces, sorted, it has fixed ids, and
    with it all ties between merges are broken the same way in every run. Words that the alphabet cannot spell are left
    out, for the trainer would drop what it does not know and merge across the gap.
    """
    from tokenizers import Tokenizer, models, pre_tokenizers, trainers

    alphabet = _alphabet(words, config)
    bare = sorted({unit[-1] for unit in alphabet})
    trainer = trainers.WordPieceTrainer(
        vocab_size=config.vocab_size, min_frequency=config.min_frequency, show_progress=False,
        special_tokens=[*SPECIAL_TOKENS, *bare, *sorted(alphabet.difference(bare))],
        initial_alphabet=bare, limit_alphabet=len(bare), continuing_subword_prefix=PREFIX)
    tokenizer = Tokenizer(models.WordPiece(unk_token=SPECIAL_TOKENS[1]))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    spelled = sorted(word for word in words if alphabet.issuperset(_letters(word)))
    tokenizer.train_from_iterator((word for word in spelled for _ in range(words[word])), trainer)
    vocabulary = tokenizer.get_vocab()
    return sorted(vocabulary, key=vocabulary.__getitem__)


def _alphabet(words: Counter[str], config: TokenizerConfig) -> set[str]:
    """Return the single-character pieces, at a word's start and inside, that cover the text.

    They may fill half of the vocabulary; the other half is for longer pieces.
    """
    letters: Counter[str] = Counter()
    for word, count in words.items():
        for letter in _letters(word):
            letters[letter] += count
    return covering(letters, config.alphabet_coverage, max(1, (config.vocab_size - len(SPECIAL_TOKENS)) // 2))


def _letters(word: str) -> list[str]:
    return [word[0], *(PREFIX + character for character in word[1:])]
