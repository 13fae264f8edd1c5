"""SentencePiece (Kudo & Richardson 2018): unigram language model (Kudo 2018) and byte-pair encoding of raw text.

The sentencepiece library trains; what it learned is run by the tokenizers library, which is what transformers will run
too. Text is normalised here, with offsets; white space becomes SentencePiece's ▁, with none added before a text, for
Japanese has no reason to tell a word at the start of a line from the same word inside.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from functools import cached_property, partial
from itertools import chain
from pathlib import Path
from typing import Any, Self

import numpy as np

from jptransfer.config import TokenizerConfig
from jptransfer.errors import ConfigError
from jptransfer.text.alignment import Aligned, collapse_spaces, replace_surrogates
from jptransfer.text.base import BaseTokenizer, Settings, covering
from jptransfer.text.fast import read_fast, write_fast
from jptransfer.text.sentencepiece_trainer import train
from jptransfer.text.types import SPECIAL_TOKENS, Encoding, IdBlock

SPACE = "▁"
MODEL_FILE = "spiece.model"
_HIDDEN = [chr(0xFDD0 + number) for number in range(len(SPECIAL_TOKENS))]
"""Noncharacters of Unicode that stand for the special tokens while text is cut; `normalise` lets none through."""


SHORTEST_LIMIT = 10
"""The least that SentencePiece takes for the longest sentence, in bytes."""


class SentencePieceTokenizer(BaseTokenizer):
    """Pieces of raw text; words are laid over them."""

    def __init__(self, settings: Settings, tokens: Sequence[str], scores: Sequence[float], proto: bytes) -> None:
        """Take settings, pieces and scores in the order of ids, and the trained SentencePiece model."""
        super().__init__(settings, tokens)
        self.overlay = settings.overlay()
        self.scores = list(scores)
        self.proto = proto

    @classmethod
    def train(cls, config: TokenizerConfig, sentences: Sequence[str]) -> Self:
        """Learn pieces from `sentences`, in one thread (several threads would change the result)."""
        settings = Settings.of(config)
        proto = _train([normalise(settings, sentence).text for sentence in sentences], config)
        return cls(settings, *_pieces(proto), proto)

    @classmethod
    def load(cls, folder: Path, settings: Settings) -> Self:
        """Read ``spiece.model``."""
        read_fast(folder)
        proto = (folder / MODEL_FILE).read_bytes()
        return cls(settings, *_pieces(proto), proto)

    def save_units(self, folder: Path) -> dict[str, Any]:
        """Write ``spiece.model`` and ``tokenizer.json``."""
        from tokenizers import decoders

        (folder / MODEL_FILE).write_bytes(self.proto)
        decoder = decoders.Metaspace(replacement=SPACE, prepend_scheme="never")
        return write_fast(folder, self.settings, self._model(self.tokens), _spaces(), decoder, collapse=True)

    def encode(self, text: str) -> Encoding:
        """Cut `text`; offsets refer to `text` as given."""
        aligned = normalise(self.settings, text)
        pieces = self._runner.encode(aligned.text)
        offsets = [aligned.span(start, end) for start, end in pieces.offsets]
        return Encoding.overlaid(pieces.ids, offsets, partial(self.overlay.number, replace_surrogates(text), offsets))

    def encode_lines(self, lines: Iterable[str]) -> IdBlock:
        """Return the ids of many sentences."""
        texts = list(map(replace_surrogates, lines))
        aligned = [normalise(self.settings, text) for text in texts]
        cut = self._runner.encode_batch([one.text for one in aligned])
        lengths = np.fromiter(map(len, cut), np.int64, len(cut))
        flat = np.fromiter(chain.from_iterable(pieces.ids for pieces in cut), np.uint32, int(lengths.sum()))
        starts = chain.from_iterable(
            self.overlay.starts(text, (one.span(*span) for span in pieces.offsets))
            for text, one, pieces in zip(texts, aligned, cut, strict=True))
        return IdBlock(flat, np.fromiter(starts, bool, len(flat)), lengths)

    def _join(self, tokens: list[str]) -> str:
        return "".join(tokens).replace(SPACE, " ")

    @cached_property
    def _runner(self) -> Any:
        """The model by itself: no normalisation (done before), and special tokens that no text can spell."""
        from tokenizers import Tokenizer

        runner = Tokenizer(self._model(_HIDDEN + self.tokens[len(_HIDDEN):]))
        runner.pre_tokenizer = _spaces()
        return runner

    def _model(self, tokens: Sequence[str]) -> Any:
        from tokenizers import models

        if self.settings.kind == "unigram":
            return models.Unigram(list(zip(tokens, self.scores, strict=True)), self.unk_id, False)
        vocabulary = {token: index for index, token in enumerate(tokens)}
        return models.BPE(vocabulary, _merges(tokens), unk_token=tokens[self.unk_id], fuse_unk=True)


def normalise(settings: Settings, text: str) -> Aligned:
    """Normalise as `settings` say; white space becomes single spaces, none at the ends."""
    text = replace_surrogates(text)
    if any(character in text for character in _HIDDEN):
        text = text.translate(dict.fromkeys(map(ord, _HIDDEN), "\ufffd"))
    return settings.align(text).then(collapse_spaces)


def _spaces() -> Any:
    from tokenizers import pre_tokenizers

    return pre_tokenizers.Metaspace(replacement=SPACE, prepend_scheme="never", split=False)


def _train(sentences: list[str], config: TokenizerConfig) -> bytes:
    alphabet = _alphabet(sentences, config)
    texts = _spelled(sentences, alphabet)
    if not texts:
        raise ConfigError(f"tokenizer.vocab_size={config.vocab_size}: beside {len(SPECIAL_TOKENS)} special tokens no "
                          f"character of the text ({len(sentences):,} sentences) has a place; give a larger one, or "
                          "more text")
    names = ("pad", "unk", "bos", "eos")
    special: dict[str, Any] = {f"{name}_id": index for index, name in enumerate(names)}
    special |= {f"{name}_piece": SPECIAL_TOKENS[index] for index, name in enumerate(names)}
    try:
        return train(texts, {
            "model_type": config.kind, "vocab_size": config.vocab_size, "character_coverage": 1.0,
            "hard_vocab_limit": False, "num_threads": 1, "normalization_rule_name": "identity",
            "add_dummy_prefix": False, "remove_extra_whitespaces": False,
            "control_symbols": list(SPECIAL_TOKENS[len(names):]), "minloglevel": 2,
            "max_sentence_length": max(SHORTEST_LIMIT, *(4 * len(text) + 1 for text in texts)), **special})
    except RuntimeError as error:
        raise ConfigError(
            f"tokenizer.vocab_size={config.vocab_size}: SentencePiece cannot learn that many units from "
            f"{len(sentences):,} sentences with {len(alphabet):,} different characters; give another "
            f"tokenizer.vocab_size (about {len(SPECIAL_TOKENS) + 2 * len(alphabet):,}), more text, or "
            "tokenizer=character"
        ) from error


def _alphabet(sentences: list[str], config: TokenizerConfig) -> set[str]:
    """Return the characters that cover the text; they may fill half of the vocabulary."""
    counts: Counter[str] = Counter()
    for sentence in sentences:
        counts.update(sentence)
    return covering(counts, config.alphabet_coverage, max(1, (config.vocab_size - len(SPECIAL_TOKENS)) // 2))


def _spelled(sentences: list[str], alphabet: set[str]) -> list[str]:
    """Return the stretches of the sentences that the alphabet can spell; the library itself leaves out 2 % at most."""
    lines = ("".join(character if character in alphabet else "\n" for character in sentence) for sentence in sentences)
    return [stretch for line in lines for stretch in line.split("\n") if stretch]


def _pieces(proto: bytes) -> tuple[list[str], list[float]]:
    from sentencepiece import SentencePieceProcessor

    processor = SentencePieceProcessor(model_proto=proto)
    numbers = range(processor.vocab_size())
    return [processor.id_to_piece(number) for number in numbers], [processor.get_score(number) for number in numbers]


def _merges(tokens: Sequence[str]) -> list[tuple[str, str]]:
    """Return the merges that do what SentencePiece's BPE does.

    It joins the neighbours whose union has the lowest id, leftmost first; so every way to split a piece in two is a
    merge of that piece's rank.
    """
    known = set(tokens[len(SPECIAL_TOKENS):])
    splits = ((token[:cut], token[cut:]) for token in tokens[len(SPECIAL_TOKENS):] for cut in range(1, len(token)))
    return [(left, right) for left, right in splits if left in known and right in known]
