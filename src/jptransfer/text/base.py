"""What the project's own tokenizers share: special tokens, offsets through normalisation, files."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np

from jptransfer.config import TokenizerConfig
from jptransfer.errors import DataError, reason
from jptransfer.files import json_text
from jptransfer.text import normalize
from jptransfer.text.alignment import Aligned, identity, lowercase, nfkc
from jptransfer.text.overlay import WordOverlay, word_starts
from jptransfer.text.romanize import Romaniser, romaniser
from jptransfer.text.segment import Segmenter, segmenter
from jptransfer.text.types import SPECIAL_TOKENS, Encoding, IdBlock, Template

DESCRIPTION = "jpt_tokenizer.json"
TRANSFORMERS_CONFIG = "tokenizer_config.json"
MAKER = "jptransfer"
"""Key in ``tokenizer_config.json`` of a tokenizer of this project: a folder that has lost `DESCRIPTION` is noticed."""


@dataclass(frozen=True)
class Settings:
    """What of a tokenizer's configuration still counts once it is trained; stored in ``jpt_tokenizer.json``.

    Attributes:
        lowercase: of the whole text. Kind views lowercases words and not their characters: `lowercase_words`.
        view, max_characters: settings of kind views.
        special_tokens: kind byte: whether there are any.
        before: kind pretrained: normalisation that its tokenizer lacks, see `jptransfer.text.conversion`.
        romanize: the whole text; `romanize_characters`: those of kind views alone.
    """

    kind: str
    nfkc: bool = True
    lowercase: bool = False
    dictionary: str = "unidic-lite"
    segmenter: str = "mecab"
    view: str = ""
    max_characters: int = 0
    lowercase_words: bool = False
    romanize: bool = False
    romanize_characters: bool = False
    join_auxiliaries: bool = False
    before: str = ""
    special_tokens: bool = True

    @classmethod
    def of(cls, config: TokenizerConfig) -> Settings:
        """Take the settings that all kinds have from a configuration; kinds add what is theirs."""
        cutter = config.segmenter
        return cls(config.kind, config.nfkc, config.lowercase, cutter.dictionary, cutter.name.value,
                   romanize=config.romanize, join_auxiliaries=cutter.join_auxiliaries)

    @property
    def only_ours(self) -> bool:
        """Whether no tokenizer of transformers does what is asked of the text."""
        return self.romanize or self.join_auxiliaries or not self.special_tokens

    @property
    def romaniser(self) -> Romaniser:
        """What writes text in Latin letters."""
        return romaniser(self.dictionary, self.join_auxiliaries)

    def cutter(self) -> Segmenter:
        """Return what finds the words of a text that `cased` made; those of a romanised one stand apart."""
        return segmenter("whitespace" if self.romanize else self.segmenter, self.dictionary, self.join_auxiliaries)

    def overlay(self) -> WordOverlay:
        """Return the words of tokenizers that do not start from words."""
        return WordOverlay(self.align_cased, self.cutter())

    def cased(self, text: str) -> str:
        """Normalise `text` in all but case (the fast path: no offsets)."""
        text = self.romaniser.text(text) if self.romanize else text
        return normalize.nfkc(text) if self.nfkc else text

    def align_cased(self, text: str) -> Aligned:
        """Normalise `text` in all but case, with offsets."""
        if self.romanize:
            aligned = self.romaniser.align(text)
            return aligned.then(nfkc) if self.nfkc else aligned
        return nfkc(text) if self.nfkc else identity(text)

    def normalise(self, text: str) -> str:
        """Normalise `text` as the settings say (the fast path: no offsets)."""
        text = self.cased(text)
        return lowercase(text).text if self.lowercase else text

    def align(self, text: str) -> Aligned:
        """Normalise `text` as the settings say, with offsets."""
        aligned = self.align_cased(text)
        return aligned.then(lowercase) if self.lowercase else aligned


class BaseTokenizer(ABC):
    """A tokenizer made by this project; special tokens have the first ids, in the order of `SPECIAL_TOKENS`."""

    pad_id, unk_id, cls_id, sep_id, mask_id = range(len(SPECIAL_TOKENS))
    template = Template.of_bert(cls_id, sep_id)

    def __init__(self, settings: Settings, tokens: Sequence[str]) -> None:
        """Take the settings and all tokens in the order of their ids.

        Raises:
            ValueError: special tokens are not the first ones, or a token has two ids: the vocabulary is damaged.
        """
        self.settings = settings
        self.tokens = list(tokens)
        self._ids = {token: index for index, token in enumerate(self.tokens)}
        if settings.special_tokens and tuple(self.tokens[:len(SPECIAL_TOKENS)]) != tuple(SPECIAL_TOKENS):
            raise ValueError(f"the vocabulary is damaged: it does not begin with {', '.join(SPECIAL_TOKENS)}")
        if len(self._ids) < len(self.tokens):
            twice = next(token for index, token in enumerate(self.tokens) if self._ids[token] != index)
            raise ValueError(f"the vocabulary is damaged: {twice!r} is in it twice")

    @classmethod
    @abstractmethod
    def train(cls, config: TokenizerConfig, sentences: Sequence[str]) -> Self:
        """Learn the units from `sentences`, deterministically."""

    @classmethod
    @abstractmethod
    def load(cls, folder: Path, settings: Settings) -> Self:
        """Read what `save` wrote."""

    @abstractmethod
    def save_units(self, folder: Path) -> dict[str, Any]:
        """Write the kind's own files; return what ``tokenizer_config.json`` must say of them."""

    @abstractmethod
    def encode(self, text: str) -> Encoding:
        """Cut `text`; offsets refer to `text` as given."""

    @property
    def vocab_size(self) -> int:
        """Number of ids, special tokens included."""
        return len(self.tokens)

    def encode_words(self, words: Sequence[str], starts: Sequence[int] | None = None) -> Encoding:
        """Cut pre-tokenised input, see `jptransfer.text.types.Tokenizer.encode_words`."""
        return encode_words(self, words, starts)

    def encode_lines(self, lines: Iterable[str]) -> IdBlock:
        """Return the ids of many sentences, see `jptransfer.text.types.Tokenizer.encode_lines`."""
        return encode_lines(self, lines)

    def token(self, index: int) -> str:
        """Return the piece with this id."""
        return self.tokens[index]

    def id(self, token: str) -> int:
        """Return the id of this piece, `unk_id` if there is none."""
        return self._ids.get(token, self.unk_id)

    def decode(self, ids: Sequence[int]) -> str:
        """Return the text of `ids`; special tokens are left out, unknown pieces show as U+FFFD."""
        shown = [index for index in ids if index == self.unk_id or index >= len(SPECIAL_TOKENS)]
        return self._join(["\ufffd" if index == self.unk_id else self.tokens[index] for index in shown])

    def _join(self, tokens: list[str]) -> str:
        return "".join(tokens)

    def save(self, folder: Path) -> None:
        """Write ``jpt_tokenizer.json``, the kind's files and ``tokenizer_config.json``."""
        folder.mkdir(parents=True, exist_ok=True)
        names = ("pad_token", "unk_token", "cls_token", "sep_token", "mask_token")
        special: dict[str, Any] = dict(zip(names, SPECIAL_TOKENS, strict=True)) if self.settings.special_tokens else {}
        known = self.save_units(folder)
        names_of_inputs = {"model_input_names": ["input_ids", "token_type_ids", "attention_mask"]}
        write_json(folder / TRANSFORMERS_CONFIG,
                   ({} if self.settings.only_ours else known | names_of_inputs) | special | {MAKER: True})
        write_json(folder / DESCRIPTION, asdict(self.settings))


def encode_words(tokenizer: Any, words: Sequence[str], starts: Sequence[int] | None) -> Encoding:
    """Cut each of `words` by itself; offsets are moved to `starts`, or to the words' places in their concatenation."""
    ids: list[int] = []
    offsets: list[tuple[int, int]] = []
    numbers: list[int] = []
    place = 0
    for number, word in enumerate(words):
        origin = place if starts is None else starts[number]
        pieces = tokenizer.encode(word)
        ids += pieces.ids or [tokenizer.unk_id]
        offsets += [(origin + start, origin + end) for start, end in pieces.offsets or [(0, len(word))]]
        numbers += [number] * max(1, len(pieces))
        place += len(word)
    return Encoding(ids, offsets, numbers)


def encode_lines(tokenizer: Any, lines: Iterable[str]) -> IdBlock:
    """Return ids, word starts and lengths by `encode`: the plain way, for tokenizers without a faster one."""
    ids: list[int] = []
    starts: list[bool] = []
    lengths: list[int] = []
    for line in lines:
        pieces = tokenizer.encode(line)
        ids += pieces.ids
        starts += word_starts(pieces.words)
        lengths.append(len(pieces))
    return IdBlock(np.array(ids, np.uint32), np.array(starts, bool), np.array(lengths, np.int64))


def covering(counts: Counter[str], coverage: float, limit: int) -> set[str]:
    """Return the most frequent units that make up `coverage` of all occurrences, at most `limit` of them."""
    needed = coverage * counts.total()
    chosen: set[str] = set()
    seen = 0
    for unit, count in sorted(counts.items(), key=lambda item: (-item[1], item[0])):
        if seen >= needed or len(chosen) >= limit:
            break
        chosen.add(unit)
        seen += count
    return chosen


def most_frequent(counts: Counter[str], config: TokenizerConfig) -> list[str]:
    """Return the units that fill the vocabulary: most frequent first, none under `min_frequency`."""
    room = config.vocab_size - len(SPECIAL_TOKENS)
    units = (item for item in counts.items() if item[0] not in SPECIAL_TOKENS)
    ranked = sorted(units, key=lambda item: (-item[1], item[0]))
    return [unit for unit, count in ranked[:room] if count >= config.min_frequency]


def write_json(path: Path, value: Any) -> None:
    """Write JSON in the one layout all tokenizer files have."""
    path.write_text(json_text(value, indent=2, sort_keys=True) + "\n", encoding="utf-8")


def read_settings(folder: Path) -> Settings:
    """Return the settings in ``jpt_tokenizer.json``; `DataError` if the file is damaged."""
    try:
        return Settings(**read_object(folder / DESCRIPTION))
    except (DataError, TypeError) as error:
        raise DataError(f"{folder / DESCRIPTION} is missing or damaged: {error}") from error


def read_object(path: Path) -> dict[str, Any]:
    """Return the object in a JSON file; `DataError` if it is missing, damaged or holds something else."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise DataError(f"{path} cannot be read ({getattr(error, 'strerror', None) or reason(error)})") from error
    if not isinstance(found, dict):
        raise DataError(f"{path} is damaged: it holds no JSON object")
    return found
