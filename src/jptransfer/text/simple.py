"""Tokenizers whose units are given rather than learned: whole words, characters, bytes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any, Self

import numpy as np

from jptransfer.config import TokenizerConfig
from jptransfer.text.alignment import Aligned, replace_surrogates
from jptransfer.text.base import BaseTokenizer, Settings, most_frequent
from jptransfer.text.fast import read_fast, write_fast
from jptransfer.text.overlay import WordOverlay
from jptransfer.text.types import SPECIAL_TOKENS, Encoding, Frame, IdBlock, Template
from jptransfer.text.words import WordBasedTokenizer, word_counts


class WordTokenizer(WordBasedTokenizer):
    """The most frequent MeCab words; loads as transformers' BertJapaneseTokenizer."""

    @classmethod
    def train(cls, config: TokenizerConfig, sentences: Sequence[str]) -> Self:
        """Count the words of `sentences`."""
        settings = Settings.of(config)
        return cls(settings, [*SPECIAL_TOKENS, *most_frequent(word_counts(settings, sentences), config)])

    def save_units(self, folder: Path) -> dict[str, Any]:
        """Write ``vocab.txt``."""
        return self.save_vocabulary(folder) | {"do_subword_tokenize": False}

    def _cut_word(self, word: str) -> list[tuple[int, int]]:
        return [(self.unk_id if word in SPECIAL_TOKENS else self.id(word), len(word))]


class CharacterTokenizer(BaseTokenizer):
    """The most frequent characters, white space included; words are laid over them."""

    def __init__(self, settings: Settings, tokens: Sequence[str]) -> None:
        """Take the settings and all tokens in the order of their ids."""
        super().__init__(settings, tokens)
        self.overlay = settings.overlay()

    @classmethod
    def train(cls, config: TokenizerConfig, sentences: Sequence[str]) -> Self:
        """Count the characters of `sentences`."""
        settings = Settings.of(config)
        counts: Counter[str] = Counter()
        for sentence in sentences:
            counts.update(settings.normalise(replace_surrogates(sentence)))
        return cls(settings, [*SPECIAL_TOKENS, *most_frequent(counts, config)])

    @classmethod
    def load(cls, folder: Path, settings: Settings) -> Self:
        """Read ``tokenizer.json``."""
        vocabulary = read_fast(folder)["model"]["vocab"]
        return cls(settings, sorted(vocabulary, key=vocabulary.__getitem__))

    def save_units(self, folder: Path) -> dict[str, Any]:
        """Write ``tokenizer.json``."""
        from tokenizers import Regex, decoders, models, pre_tokenizers

        model = models.WordLevel(self._ids, unk_token=SPECIAL_TOKENS[self.unk_id])
        each = pre_tokenizers.Split(Regex(r"[\s\S]"), "isolated")
        return write_fast(folder, self.settings, model, each, decoders.Fuse(), collapse=False)

    def encode(self, text: str) -> Encoding:
        """Cut `text`; offsets refer to `text` as given."""
        text = replace_surrogates(text)
        aligned = self.settings.align(text)
        offsets = list(zip(aligned.starts, aligned.ends, strict=True))
        return Encoding.overlaid(list(map(self.id, aligned.text)), offsets, partial(self.overlay.number, text, offsets))

    def encode_lines(self, lines: Iterable[str]) -> IdBlock:
        """Return the ids of many sentences."""
        texts = list(map(replace_surrogates, lines))
        aligned = list(map(self.settings.align, texts))
        lengths = np.fromiter((len(one.text) for one in aligned), np.int64, len(texts))
        ids = np.fromiter(map(self.id, "".join(one.text for one in aligned)), np.uint32, int(lengths.sum()))
        return IdBlock(ids, _starts(self.overlay, texts, aligned), lengths)


SPACE, LINE_END = 0x20, 0x0A
NO_ID = -1
"""Id of special tokens that a tokenizer does not have."""
_BEGIN = (LINE_END, SPACE)
FRAME = Template(Frame((_BEGIN, (SPACE,)), ((0, 0), (0,)), (0,)),
                 Frame((_BEGIN, (SPACE, *_BEGIN), (SPACE,)), ((0, 0), (0, 0, 0), (0,)), (0, 0)), SPACE)
"""What stands around a text without special tokens: a line end and a space, then a space."""


class ByteTokenizer(BaseTokenizer):
    """The 256 bytes of UTF-8; the bytes of a character have its span, and words are laid over them.

    Attributes:
        first: the id of byte 0; the others follow in order.
        frame_is_text: whether a text is framed by bytes, `FRAME`, in place of special tokens. There are none then:
            padding has the id of byte 0, which attention masks tell apart, and no byte is unknown.
    """

    of_bytes = True
    """Every unit is a byte of the text, special tokens aside; see `objectives.causal`."""

    def __init__(self, settings: Settings) -> None:
        """Take the settings; there is nothing to learn."""
        special = SPECIAL_TOKENS if settings.special_tokens else ()
        super().__init__(settings, [*special, *byte_names()])
        self.first, self.frame_is_text = len(special), not settings.special_tokens
        self.overlay = settings.overlay()
        if self.frame_is_text:
            self.pad_id, self.unk_id, self.cls_id, self.sep_id, self.mask_id = 0, NO_ID, NO_ID, NO_ID, NO_ID
            self.template = FRAME

    @classmethod
    def train(cls, config: TokenizerConfig, sentences: Sequence[str] = ()) -> Self:
        """Return the tokenizer; no sentence is read."""
        return cls(replace(Settings.of(config), special_tokens=config.byte.special_tokens))

    @classmethod
    def load(cls, folder: Path, settings: Settings) -> Self:
        """Return the tokenizer with its normalisation."""
        if settings.special_tokens:
            read_fast(folder)
        return cls(settings)

    def save_units(self, folder: Path) -> dict[str, Any]:
        """Write ``tokenizer.json``; without special tokens nothing: no class of transformers frames a text by bytes."""
        from tokenizers import decoders, models, pre_tokenizers

        if self.frame_is_text:
            return {}
        bytes_of_text = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
        model = models.BPE(self._ids, [])
        return write_fast(folder, self.settings, model, bytes_of_text, decoders.ByteLevel(), collapse=False)

    def encode(self, text: str) -> Encoding:
        """Cut `text`; offsets refer to `text` as given."""
        text = replace_surrogates(text)
        aligned = self._align(text)
        characters = [number for number, character in enumerate(aligned.text) for _ in character.encode()]
        ids = [byte + self.first for byte in aligned.text.encode()]
        offsets = [(aligned.starts[number], aligned.ends[number]) for number in characters]
        return Encoding.overlaid(ids, offsets, partial(self.overlay.number, text, offsets))

    def encode_lines(self, lines: Iterable[str]) -> IdBlock:
        """Return the ids of many sentences."""
        texts = list(map(replace_surrogates, lines))
        aligned = list(map(self._align, texts))
        spelled = [one.text.encode() for one in aligned]
        data = np.frombuffer(b"".join(spelled), np.uint8)
        starts = (data & 0xC0) != 0x80  # all but UTF-8's continuation bytes
        starts[starts] = _starts(self.overlay, texts, aligned)
        lengths = np.fromiter(map(len, spelled), np.int64, len(texts))
        return IdBlock(data.astype(np.uint32) + self.first, starts, lengths)

    def encode_words(self, words: Sequence[str], starts: Sequence[int] | None = None) -> Encoding:
        """Cut pre-tokenised input; without special tokens, a word that has no byte becomes a space."""
        found = super().encode_words(words, starts)
        return Encoding([SPACE if index == NO_ID else index for index in found.ids], found.offsets, found.words)

    def _align(self, text: str) -> Aligned:
        """Normalise a text with offsets; framed by bytes, it is one line without white space at its ends."""
        aligned = self.settings.align(text)
        return aligned.then(one_line) if self.frame_is_text else aligned

    def decode(self, ids: Sequence[int]) -> str:
        """Return the text of `ids`; special tokens are left out, bytes that are no UTF-8 show as U+FFFD."""
        return bytes(index - self.first for index in ids if index >= self.first).decode("utf-8", errors="replace")


def one_line(text: str) -> Aligned:
    """Turn line ends into spaces and remove white space at the ends (Radford et al. 2017, released code)."""
    start = len(text) - len(text.lstrip())
    kept = text.replace("\n", " ").strip()
    # Lists: `Aligned.then` takes a range for spans that did not change.
    return Aligned(kept, list(range(start, start + len(kept))), list(range(start + 1, start + len(kept) + 1)))


def _starts(overlay: WordOverlay, texts: Sequence[str], aligned: Sequence[Aligned]) -> np.ndarray:
    """Return whether each character of the normalised texts is the first of its word, (characters,) bool."""
    found = chain.from_iterable(overlay.starts(text, zip(one.starts, one.ends, strict=True))
                                for text, one in zip(texts, aligned, strict=True))
    return np.fromiter(found, bool)


def byte_names() -> list[str]:
    """Return the printable characters that stand for the 256 bytes in byte-level vocabularies (Radford et al. 2019).

    Bytes that are printable in Latin-1 stand for themselves, the others are numbered from U+0100.
    """
    printable = {*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)}
    others = [byte for byte in range(256) if byte not in printable]
    return [chr(byte) if byte in printable else chr(256 + others.index(byte)) for byte in range(256)]
