"""What cuts a text for a tokenizer of transformers, with character offsets: by class of tokenizer."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cached_property, partial
from typing import Any

from jptransfer.text.alignment import Aligned, identity, lowercase, marks_joined, nfkc
from jptransfer.text.coverage import settle
from jptransfer.text.memo import MEMO_WORDS, Memo
from jptransfer.text.overlay import WordOverlay
from jptransfer.text.special import own_special_ids, special_id
from jptransfer.text.types import Encoding

_MARKERS = ("##", "▁", "</w>")
_ANALYSERS = {"MecabTokenizer", "SudachiTokenizer", "JumanppTokenizer"}
"""Word stages of BertJapaneseTokenizer that find words; its BasicTokenizer splits at spaces and around kanji."""
_HIDDEN = "\ufdd0"
"""A noncharacter of Unicode: no text may contain it, so tokens that begin with it are never found in one."""


class FastCutter:
    """Cuts with the tokenizers library. Words are those of `overlay`: what transformers numbers is often a sentence.

    Special tokens spelled out in a text are text. transformers does not look for them, but a vocabulary that has them
    among its pieces (Unigram) finds them all the same. Such a text is cut once more without them.
    """

    def __init__(self, tokenizer: Any, overlay: WordOverlay, normalise: Callable[[str], Aligned]) -> None:
        """Take the tokenizer, what knows the words, and what is done to a text before."""
        self._tokenizer, self._overlay, self._normalise = tokenizer, overlay, normalise
        special = own_special_ids(tokenizer)
        self._unknown: str | None = tokenizer.unk_token
        self._special = {*special.values(), *tokenizer.all_special_ids} - {special.get("unk")}

    def __call__(self, text: str) -> Encoding:
        """Cut `text`."""
        aligned = self._normalise(text)
        found = self._tokenizer(aligned.text, add_special_tokens=False, return_offsets_mapping=True,
                                return_attention_mask=False, return_token_type_ids=False, split_special_tokens=True,
                                verbose=False)
        ids, spans = found["input_ids"], found["offset_mapping"]
        if not self._special.isdisjoint(ids) or (self._unknown and self._unknown in aligned.text):
            pieces = self._without_special.encode(aligned.text.replace(_HIDDEN, "\ufffd"), add_special_tokens=False)
            ids, spans = pieces.ids, pieces.offsets
        offsets = [aligned.span(*span) for span in settle(aligned.text, spans)]
        return Encoding.overlaid(ids, offsets, partial(self._overlay.number, text, offsets))

    @cached_property
    def _without_special(self) -> Any:
        """The same tokenizer with names for its special tokens that no text can spell."""
        from tokenizers import Tokenizer

        state = json.loads(self._tokenizer._tokenizer.to_str())
        known = [self._tokenizer.convert_ids_to_tokens(index) for index in self._special]
        names = {token: f"{_HIDDEN}{number}" for number, token in enumerate([*known, self._unknown])}
        for token in state["added_tokens"]:
            token["content"] = names.get(token["content"], token["content"])
        model = state["model"]
        if isinstance(model["vocab"], dict):
            model["vocab"] = {names.get(token, token): index for token, index in model["vocab"].items()}
        else:
            model["vocab"] = [(names.get(token, token), score) for token, score in model["vocab"]]
        if "unk_token" in model:
            model["unk_token"] = names.get(model["unk_token"], model["unk_token"])
        if "merges" in model:
            model["merges"] = [pair for pair in model["merges"] if "".join(pair) not in names]
        state["post_processor"] = state["truncation"] = state["padding"] = None
        return Tokenizer.from_str(json.dumps(state))


class SentencePieceCutter:
    """Cuts with the sentencepiece library itself, so that a model's ids are those that it was trained with.

    transformers' conversion leaves out some of what a SentencePiece model says: case folding, bytes for unknown
    characters, whether a space is put before a text, what becomes of spaces.
    """

    def __init__(self, tokenizer: Any, overlay: WordOverlay, normalise: Callable[[str], Aligned], model: bytes) -> None:
        """Take the tokenizer, which numbers the pieces, what knows the words, what is done before, and the model."""
        from sentencepiece import SentencePieceProcessor

        self._processor = SentencePieceProcessor(model_proto=model)
        self._overlay, self._normalise = overlay, normalise
        pieces = list(map(self._processor.id_to_piece, range(self._processor.vocab_size())))
        self._ids = [tokenizer.convert_tokens_to_ids(piece) for piece in pieces]
        self._ids[self._processor.unk_id()] = special_id(tokenizer, "unk")
        self._added = AddedTokens(tokenizer, frozenset(pieces))

    def __call__(self, text: str) -> Encoding:
        """Cut `text`."""
        aligned = self._normalise(text).then(marks_joined)
        ids: list[int] = []
        spans: list[tuple[int, int]] = []
        origin = 0
        for part in self._added.split(aligned.text):
            if part in self._added.ids:
                ids.append(self._added.ids[part])
                spans.append((origin, origin + len(part)))
            else:
                found = self._processor.encode(part, return_type="offset_mapping")
                ids += [self._ids[index] for index in found["ids"]]
                spans += [(origin + start, origin + end) for start, end in found["offsets"]]
            origin += len(part)
        offsets = [aligned.span(*span) for span in settle(aligned.text, spans)]
        return Encoding.overlaid(ids, offsets, partial(self._overlay.number, text, offsets))


class AddedTokens:
    """Tokens that somebody added to a tokenizer: they are found before anything else is done. Special ones are text."""

    def __init__(self, tokenizer: Any, known: frozenset[str] = frozenset()) -> None:
        """Take the tokenizer, and tokens that are not to be looked for."""
        self.ids = {token: index for token, index in tokenizer.get_added_vocab().items()
                    if token and token not in known and index not in tokenizer.all_special_ids}
        longest_first = sorted(self.ids, key=len, reverse=True)
        self._find = re.compile("(" + "|".join(map(re.escape, longest_first)) + ")") if self.ids else None

    def split(self, text: str) -> list[str]:
        """Return the parts of a text in order: added tokens, and what is between them."""
        return self._find.split(text) if self._find else [text]


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
        self._added = AddedTokens(tokenizer)

    def __call__(self, text: str) -> Encoding:
        """Cut `text`."""
        ids: list[int] = []
        offsets: list[tuple[int, int]] = []
        words: list[int] = []
        origin = 0
        for part in self._added.split(text):
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
        if text in self._added.ids:
            yield [(self._added.ids[text], 0, len(text))]
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
