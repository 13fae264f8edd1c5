"""What a tokenizer is: ids and character offsets into the original text."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, Self

import numpy as np

SPECIAL_TOKENS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")


@dataclass(frozen=True)
class Encoding:
    """Pieces of one text, without special tokens; all three lists have one entry a piece.

    Attributes:
        ids: token ids.
        offsets: half-open character spans in the original text, before any normalisation; never decreasing. A piece
            that stands for part of an original character (a byte, half of a ligature) has that whole character's span.
        words: number of the word each piece belongs to, from 0 without gaps; pieces of a word are consecutive. Words
            are those of the segmenter, also where the tokenizer has no word stage (see `jptransfer.text.overlay`).
    """

    ids: list[int]
    offsets: list[tuple[int, int]]
    words: list[int]

    def __len__(self) -> int:
        return len(self.ids)

    @classmethod
    def overlaid(cls, ids: list[int], offsets: list[tuple[int, int]], find: Callable[[], list[int]]) -> Self:
        """Return pieces whose words are found when they are first asked for: the segmenter costs time."""
        made = cls.__new__(cls)
        made.__dict__.update(ids=ids, offsets=offsets, _find=find)
        return made

    def __getattr__(self, name: str) -> Any:
        """Find the words of an `overlaid` encoding."""
        if name != "words":
            raise AttributeError(name)
        words = self.__dict__["words"] = self.__dict__.pop("_find")()
        return words


@dataclass(frozen=True)
class IdBlock:
    """Ids of many sentences in a row: `ids` (n,) uint32, `word_starts` (n,) bool, `lengths` (sentences,) int64.

    `word_starts` marks the first piece of each word, see `Encoding.words`.
    """

    ids: np.ndarray
    word_starts: np.ndarray
    lengths: np.ndarray


@dataclass(frozen=True)
class Template:
    """The special tokens around a text in a model's input.

    Attributes:
        before, after: their ids.
        lone: id of the token that stands for a text without tokens if there are no special tokens.
    """

    before: tuple[int, ...]
    after: tuple[int, ...]
    lone: int

    def __len__(self) -> int:
        return len(self.before) + len(self.after)

    def around(self, ids: Sequence[int]) -> list[int]:
        """Return the input for `ids`; it is never empty, because no model reads nothing."""
        return [*self.before, *ids, *self.after] or [self.lone]

    def places(self, count: int) -> tuple[int, ...]:
        """Return the indices of the special tokens in the input for `count` ids."""
        return (*range(len(self.before)), *range(len(self.before) + count, len(self) + count))


class Tokenizer(Protocol):
    """Every tokenizer of the project, ours and transformers'. Encoding never produces special tokens.

    Attributes:
        template: special tokens around a text. They differ: T5 has only one at the end, GPT-2 and Qwen have none.
    """

    pad_id: int
    unk_id: int
    cls_id: int
    sep_id: int
    mask_id: int
    template: Template

    @property
    def vocab_size(self) -> int:
        """Number of ids, special tokens included."""

    def encode(self, text: str) -> Encoding:
        """Cut `text`; offsets refer to `text` as given."""

    def encode_words(self, words: Sequence[str], starts: Sequence[int] | None = None) -> Encoding:
        """Cut pre-tokenised input; a piece never crosses a word and `Encoding.words` numbers the given words.

        Offsets refer to the words' concatenation, or, where `starts` gives each word's position, to that text.
        A word that yields no piece (white space) gets one unknown piece, so that every word has one.
        """

    def encode_lines(self, lines: Iterable[str]) -> IdBlock:
        """Ids only, the fast path for corpora; the same ids as `encode`."""

    def token(self, index: int) -> str:
        """The piece with this id."""

    def id(self, token: str) -> int:
        """The id of this piece, `unk_id` if there is none."""

    def decode(self, ids: Sequence[int]) -> str:
        """Text again, special tokens left out, as near to the normalised original as the tokenizer allows."""

    def save(self, folder: Path) -> None:
        """Write files that `load_tokenizer` reads (and transformers, where the class exists there)."""


# `load_tokenizer(folder: Path) -> Tokenizer` and `train_tokenizer(config, sentences) -> Tokenizer` live in
# `jptransfer.text.tokenizers`.
