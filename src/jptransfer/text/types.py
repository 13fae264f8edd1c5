"""What a tokenizer is: ids and character offsets into the original text."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
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
class Frame:
    """The special tokens of an input, with the token type ids of all its tokens.

    Attributes:
        special: ids before the first text, after it, and for two texts after the second; groups may be empty.
        special_types: their token type ids.
        text_types: the token type id of each text.
    """

    special: tuple[tuple[int, ...], ...]
    special_types: tuple[tuple[int, ...], ...]
    text_types: tuple[int, ...]

    def __len__(self) -> int:
        """Number of special tokens."""
        return sum(map(len, self.special))

    @cached_property
    def has_types(self) -> bool:
        """Whether any token type id is not 0; models take 0 if none are given."""
        return any(self.text_types) or any(map(any, self.special_types))

    def join(self, texts: Sequence[Sequence[int]], lone: int, truncated: int = 0) -> ModelInput:
        """Return the input for the ids of as many texts as there are `text_types`; `truncated` ids were cut off them.

        It is never empty, because no model reads nothing: an input without any token is the single id `lone`.
        """
        ids, types, special = list(self.special[0]), list(self.special_types[0]), list(range(len(self.special[0])))
        places = []
        parts = zip(texts, self.text_types, self.special[1:], self.special_types[1:], strict=True)
        for text, text_type, after, after_types in parts:
            places.append((len(ids), len(ids) + len(text)))
            ids += text
            special += range(len(ids), len(ids) + len(after))
            ids += after
            if self.has_types:
                types += [text_type] * len(text) + list(after_types)
        return ModelInput(ids or [lone], types if self.has_types else [], tuple(special), tuple(places), truncated)


@dataclass(frozen=True)
class ModelInput:
    """What a model reads of one text or of two.

    Attributes:
        ids: token ids, special tokens included.
        type_ids: token type ids; empty: all 0.
        special: indices of the special tokens in `ids`.
        places: where each text stands in `ids`, half-open.
        truncated: tokens that are left out because of the length limit.
        offsets: of each id its half-open span of characters in its own text, (0, 0) at special tokens, as transformers
            has them; empty where nobody asked for them.
    """

    ids: list[int]
    type_ids: list[int]
    special: tuple[int, ...]
    places: tuple[tuple[int, int], ...]
    truncated: int = 0
    offsets: list[tuple[int, int]] = field(default_factory=list)


@dataclass(frozen=True)
class Template:
    """What a tokenizer puts around a single text and around a pair of texts.

    Attributes:
        single, pair: the special tokens.
        lone: id of the token that stands for a text without tokens if there are no special tokens.
        odd_to_first: which text keeps a token more when both are cut to the same length: the first (tokenizers of
            transformers in Python), or the longer one and of equals the second (those in Rust).
    """

    single: Frame
    pair: Frame
    lone: int
    odd_to_first: bool = False

    @classmethod
    def of_bert(cls, first: int, separator: int, odd_to_first: bool = False) -> Self:
        """Return BERT's: [CLS] a [SEP] and [CLS] a [SEP] b [SEP], the second text and its end of type 1."""
        return cls(Frame(((first,), (separator,)), ((0,), (0,)), (0,)),
                   Frame(((first,), (separator,), (separator,)), ((0,), (0,), (1,)), (0, 1)), separator, odd_to_first)

    def frame(self, paired: bool) -> Frame:
        """Return the special tokens of an input of one text or of two."""
        return self.pair if paired else self.single

    def join(self, ids: Sequence[int], pair_ids: Sequence[int] | None = None) -> ModelInput:
        """Return the input for the ids of one text or two; nothing is cut."""
        texts = [ids] if pair_ids is None else [ids, pair_ids]
        return self.frame(pair_ids is not None).join(texts, self.lone)


class Tokenizer(Protocol):
    """Every tokenizer of the project, ours and transformers'. Encoding never produces special tokens.

    Attributes:
        template: special tokens around a text and a pair. They differ: T5 has only one at the end of each text, GPT-2
            and Qwen have none. `jptransfer.text.inputs` is what adds them.
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
