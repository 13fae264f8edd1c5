"""Tokenizers of transformers, from the hub or a folder, with character offsets also where transformers has none."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Any, Self

from jptransfer.config import TokenizerConfig
from jptransfer.errors import ConfigError, reason
from jptransfer.files import check_readable
from jptransfer.hub import HUB, split_reference
from jptransfer.text.alignment import Aligned, identity, lowercase, nfkc, replace_surrogates
from jptransfer.text.base import DESCRIPTION, Settings, encode_lines, encode_words, write_json
from jptransfer.text.conversion import BEFORE, corrected, normalisation_before
from jptransfer.text.coverage import settle
from jptransfer.text.memo import MEMO_WORDS, Memo
from jptransfer.text.overlay import WordOverlay
from jptransfer.text.special import own_special_ids, special_id, template_of, usable_units
from jptransfer.text.types import Encoding, IdBlock

_MARKERS = ("##", "▁", "</w>")
_ANALYSERS = {"MecabTokenizer", "SudachiTokenizer", "JumanppTokenizer"}
"""Word stages of BertJapaneseTokenizer that find words; its BasicTokenizer splits at spaces and around kanji."""


class PretrainedTokenizer:
    """Any tokenizer that AutoTokenizer loads. Special tokens spelled out in a text are text.

    Attributes:
        special_ids: role (pad, cls, bos, ...) -> id of the special tokens that the tokenizer itself has.
    """

    def __init__(self, tokenizer: Any, settings: Settings | None = None) -> None:
        """Take a tokenizer of transformers."""
        self.tokenizer = tokenizer
        self.settings = settings or Settings("pretrained")
        self._overlay = self.settings.overlay()
        self.pad_id, self.unk_id, self.cls_id, self.sep_id = (
            special_id(tokenizer, role) for role in ("pad", "unk", "cls", "sep"))
        self.special_ids = own_special_ids(tokenizer)
        self.template = template_of(tokenizer)
        self.vocab_size = usable_units(tokenizer)
        self._cut = (_fast_cutter(tokenizer, self._overlay, self.settings.before) if tokenizer.is_fast
                     else SlowCutter(tokenizer, self.unk_id, self._overlay))

    @classmethod
    def train(cls, config: TokenizerConfig, sentences: Iterable[str] = ()) -> Self:
        """Fetch the tokenizer that `config.source` names; no sentence is read.

        Raises:
            ConfigError: there is no source, or transformers cannot load it.
        """
        if not config.source:
            raise ConfigError("tokenizer.source is missing: kind pretrained needs hf:org/name@revision or a folder")
        found = open_pretrained(config.source)
        return cls(found, replace(Settings.of(config), before=normalisation_before(found, *_place(config.source))))

    @classmethod
    def load(cls, folder: Path, settings: Settings | None = None) -> Self:
        """Read a folder that transformers reads."""
        found = open_pretrained(str(folder))
        return cls(found, settings or Settings("pretrained", before=normalisation_before(found, str(folder))))

    @property
    def mask_id(self) -> int:
        """The id of the mask token; `ConfigError` if the tokenizer has none."""
        if self.tokenizer.mask_token_id is None:
            raise ConfigError(f"the tokenizer {self.tokenizer.name_or_path} has no mask token; "
                              "masked language modelling needs one")
        return self.tokenizer.mask_token_id

    def encode(self, text: str) -> Encoding:
        """Cut `text`; offsets refer to `text` as given."""
        return self._cut(replace_surrogates(text))

    def encode_words(self, words: Sequence[str], starts: Sequence[int] | None = None) -> Encoding:
        """Cut pre-tokenised input, see `jptransfer.text.types.Tokenizer.encode_words`."""
        return encode_words(self, words, starts)

    def encode_lines(self, lines: Iterable[str]) -> IdBlock:
        """Return the ids of many sentences, see `jptransfer.text.types.Tokenizer.encode_lines`."""
        return encode_lines(self, lines)

    def token(self, index: int) -> str:
        """Return the piece with this id."""
        return self.tokenizer.convert_ids_to_tokens(int(index))

    def id(self, token: str) -> int:
        """Return the id of this piece, `unk_id` if there is none."""
        found = self.tokenizer.convert_tokens_to_ids(token)
        return self.unk_id if found is None else found

    def decode(self, ids: Sequence[int]) -> str:
        """Return the text of `ids` without special tokens."""
        return self.tokenizer.decode(list(map(int, ids)), skip_special_tokens=True)

    def save(self, folder: Path) -> None:
        """Write transformers' files and ``jpt_tokenizer.json``."""
        folder.mkdir(parents=True, exist_ok=True)
        self.tokenizer.save_pretrained(folder)
        write_json(folder / DESCRIPTION, asdict(self.settings))


def open_pretrained(source: str) -> Any:
    """Return transformers' tokenizer from ``hf:org/name@revision`` or a folder; no code from the hub is run.

    Raises:
        ConfigError: transformers finds or understands no tokenizer there.
        DataError: a file of the folder may not be read.
    """
    from transformers import AutoTokenizer

    name, revision = _place(source)
    if not source.startswith(HUB) and not Path(name).is_dir():
        raise ConfigError(f"tokenizer source '{source}' is no folder; a tokenizer of the hub is hf:org/name@revision")
    if not source.startswith(HUB):
        check_readable(Path(name))
    try:
        found = AutoTokenizer.from_pretrained(name, revision=revision or "main", trust_remote_code=False)
    except Exception as error:  # the library behind it raises bare Exceptions on damaged files
        raise ConfigError(f"transformers cannot load a tokenizer from '{source}': {reason(error)}") from error
    if len(found) <= len(found.all_special_ids):
        raise ConfigError(f"'{source}' holds no vocabulary: transformers makes a tokenizer of special tokens alone")
    return corrected(found, name, revision)


def _place(source: str) -> tuple[str, str | None]:
    """Return the folder or the hub's repository that a source names, and its revision."""
    return split_reference(source) if source.startswith(HUB) else (source, None)


def _fast_cutter(tokenizer: Any, overlay: WordOverlay, before: str) -> Callable[[str], Encoding]:
    """Return what cuts a text. What transformers numbers as words are what a pre-tokenizer left, often whole sentences.
    """
    normalise = BEFORE[before]

    def cut(text: str) -> Encoding:
        aligned = normalise(text)
        found = tokenizer(aligned.text, add_special_tokens=False, return_offsets_mapping=True,
                          return_attention_mask=False, return_token_type_ids=False, split_special_tokens=True,
                          verbose=False)
        offsets = [aligned.span(*span) for span in settle(aligned.text, found["offset_mapping"])]
        return Encoding.overlaid(found["input_ids"], offsets, partial(overlay.number, text, offsets))

    return cut


class SlowCutter:
    """Offsets for tokenizers written in Python, BertJapaneseTokenizer above all: words first, then their pieces.

    A tokenizer without a word stage is taken to see the text as one word. Each word is looked for in the text after the
    same normalisation; each piece in its word. Unknown pieces get what lies between their neighbours.

    Words are the tokenizer's own where a morphological analyser finds them, else those of `overlay`.
    """

    def __init__(self, tokenizer: Any, unk_id: int, overlay: WordOverlay) -> None:
        """Take the tokenizer, the id of what it does not know, and what knows the words where the tokenizer does not.
        """
        self.tokenizer, self.unk_id, self._overlay = tokenizer, unk_id, overlay
        self._words = getattr(tokenizer, "word_tokenizer", None)
        self._analyses = type(self._words).__name__ in _ANALYSERS
        self._subwords = getattr(tokenizer, "subword_tokenizer", None)
        self._never = list(tokenizer.all_special_tokens)
        self._pieces: Memo[list[tuple[int, int, int]]] = Memo(self._cut_word, MEMO_WORDS)
        # Tokens that somebody added are found before anything else is done; special ones are text here.
        self._added = {token: index for token, index in tokenizer.get_added_vocab().items()
                       if token and index not in tokenizer.all_special_ids}
        longest_first = sorted(self._added, key=len, reverse=True)
        self._find_added = re.compile("(" + "|".join(map(re.escape, longest_first)) + ")") if self._added else None

    def __call__(self, text: str) -> Encoding:
        """Cut `text`."""
        ids: list[int] = []
        offsets: list[tuple[int, int]] = []
        words: list[int] = []
        origin = 0
        for part in self._find_added.split(text) if self._find_added else [text]:
            for pieces in self._words_of(part):
                number = words[-1] + 1 if words else 0  # a word without pieces has no number
                ids += [index for index, _, _ in pieces]
                offsets += [(origin + start, origin + end) for _, start, end in pieces]
                words += [number] * len(pieces)
            origin += len(part)
        offsets = settle(text, offsets)
        if self._analyses:
            return Encoding(ids, offsets, words)
        return Encoding.overlaid(ids, offsets, partial(self._overlay.number, text, offsets))

    def _words_of(self, text: str) -> Iterator[list[tuple[int, int, int]]]:
        """Yield the pieces of each word: id, start and end in `text`, which is an added token or has none."""
        if text in self._added:
            yield [(self._added[text], 0, len(text))]
            return
        aligned, places = self._place_words(text)
        for word, low, high in places:
            yield [(index, *aligned.span(min(low + start, high - 1), min(low + end, high)))
                   for index, start, end in self._pieces[word]]

    def _place_words(self, text: str) -> tuple[Aligned, list[tuple[str, int, int]]]:
        """Return the normalised text and its words, each with its span there."""
        if hasattr(self._words, "mecab"):
            text = text.replace("\0", " ")  # MeCab would take NUL for the end of the text
        aligned = nfkc(text) if getattr(self._words, "normalize_text", False) else identity(text)
        if self._words is None:
            return aligned, [(aligned.text, 0, len(aligned.text))] if aligned.text else []
        words = self._words.tokenize(aligned.text, never_split=self._never)
        if getattr(self.tokenizer, "do_lower_case", False):  # lower case comes after the word stage
            aligned = aligned.then(lowercase)
        return aligned, list(_find_words(words, aligned.text))

    def _cut_word(self, word: str) -> list[tuple[int, int, int]]:
        """Return id, start and end (characters of the word) of each piece."""
        pieces = self._tokens(word)
        spans = place_pieces(pieces, word, self.tokenizer.unk_token)
        return [(self._id(piece), *span) for piece, span in zip(pieces, spans, strict=True)]

    def _tokens(self, word: str) -> list[str]:
        if self._subwords is not None:
            return self._subwords.tokenize(word)
        return [word] if self._words is not None else self.tokenizer.tokenize(word, split_special_tokens=True)

    def _id(self, piece: str) -> int:
        return self.unk_id if piece in self._never else self.tokenizer.convert_tokens_to_ids(piece)


def _find_words(words: Iterable[str], text: str) -> Iterator[tuple[str, int, int]]:
    """Yield each word with its span; one that its word stage changed (accents taken off) lies at the next character."""
    end = 0
    for word in words:
        start = text.find(word, end)
        if start < 0:
            start = end + len(text[end:]) - len(text[end:].lstrip())
        start = min(start, len(text) - 1)
        end = min(start + len(word), len(text))
        yield word, start, max(end, start + 1)


def place_pieces(pieces: Sequence[str], word: str, unknown: str) -> list[tuple[int, int]]:
    """Return the half-open span of each piece in its word, never empty, never decreasing.

    Pieces are looked for in order, without their markers; those not found share what lies before the next one that is.
    """
    data = word.encode()
    if len(pieces) == len(data) and all(map(_is_byte, pieces, data)):  # ByT5: a piece for each byte of UTF-8
        return [(place, place + 1) for place, character in enumerate(word) for _ in character.encode()]
    if len(pieces) == len(word) and all(piece == unknown or len(_bare(piece)) == 1 for piece in pieces):
        return [(place, place + 1) for place in range(len(word))]
    spans: list[tuple[int, int]] = []
    lost = 0
    end = 0
    for piece in pieces:
        core = _bare(piece)
        start = -1 if piece == unknown or not core else word.find(core, end)
        if start < 0:
            lost += 1
            continue
        spans += _share(end, start, lost, word)
        lost, end = 0, start + len(core)
        spans.append((start, end))
    return spans + _share(end, len(word), lost, word)


def _is_byte(piece: str, byte: int) -> bool:
    return len(piece) == 1 and ord(piece) == byte


def _share(start: int, end: int, pieces: int, word: str) -> list[tuple[int, int]]:
    """Spans for pieces that are not found: a character each if that comes out even, else all of them the whole."""
    places = [place for place in range(start, end) if not word[place].isspace()]
    if len(places) == pieces:
        return [(place, place + 1) for place in places]
    low, high = (places[0], places[-1] + 1) if places else (max(0, start - 1), max(1, start))
    return [(low, high)] * pieces


def _bare(piece: str) -> str:
    for marker in _MARKERS:
        piece = piece.removeprefix(marker) if marker != "</w>" else piece.removesuffix(marker)
    return unicodedata.normalize("NFC", piece)
