"""Texts as bags of hashed features: words, n-grams of words, character n-grams inside words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Protocol

import numpy as np

from jptransfer.config import Analyzer
from jptransfer.text.alignment import replace_surrogates
from jptransfer.text.memo import Memo
from jptransfer.text.segment import MecabSegmenter


class HashSettings(Protocol):
    """How texts are cut and hashed; see the settings of learner `fasttext`."""

    analyzer: Analyzer
    dictionary: str
    buckets: int
    subword_min: int
    subword_max: int


_WORD = np.uint64(1 << 63)
_FACTOR = np.uint64(0x9E3779B97F4A7C15)
_MEMORY = 1 << 18
_TEXTS = 10_000
"""Texts hashed at a time: what that takes besides the keys stays small."""


@dataclass(frozen=True)
class Bags:
    """Features of texts in a row: `keys` of all texts, and `lengths` (texts,) int64, how many each has.

    A word's key is its hash with the highest bit set, that of an n-gram is its bucket (uint64).
    """

    keys: np.ndarray
    lengths: np.ndarray

    @property
    def owners(self) -> np.ndarray:
        """The text each key belongs to."""
        return np.repeat(np.arange(len(self.lengths)), self.lengths)

    def keep(self, chosen: np.ndarray) -> Bags:
        """Return the bags with only those keys that `chosen` (keys,) bool says."""
        lengths = np.bincount(self.owners[chosen], minlength=len(self.lengths))
        return Bags(self.keys[chosen], lengths.astype(np.int64))

    def take(self, texts: np.ndarray) -> Bags:
        """Return the bags of some texts, in their order."""
        lengths = self.lengths[texts]
        starts = (np.cumsum(self.lengths) - self.lengths)[texts]
        within = np.arange(lengths.sum()) - np.repeat(np.cumsum(lengths) - lengths, lengths)
        return Bags(self.keys[np.repeat(starts, lengths) + within], lengths)

    def frequent(self, min_count: int) -> np.ndarray:
        """Return the keys there are, sorted, without those of words that occur less than `min_count` times."""
        keys, counts = np.unique(self.keys, return_counts=True)
        return keys[(counts >= min_count) | (keys < _WORD)]


class Hasher:
    """Cuts texts into units and hashes them and their n-grams; the same on every machine."""

    def __init__(self, config: HashSettings) -> None:
        self.buckets = np.uint64(config.buckets)
        self.sizes = range(config.subword_min, config.subword_max + 1) if config.subword_min else range(0)
        self.segmenter = MecabSegmenter(config.dictionary) if config.analyzer is Analyzer.word else None
        self._hashes: Memo[np.ndarray] = Memo(self._hash, _MEMORY)

    def bags(self, texts: Sequence[str], ngrams: int) -> Bags:
        """Return the features of each text: units, their n-grams up to `ngrams`, and subwords."""
        blocks = [self._block(texts[start:start + _TEXTS], ngrams) for start in range(0, len(texts), _TEXTS)]
        return Bags(np.concatenate([np.empty(0, np.uint64), *(block.keys for block in blocks)]),
                    np.concatenate([np.empty(0, np.int64), *(block.lengths for block in blocks)]))

    def _block(self, texts: Sequence[str], ngrams: int) -> Bags:
        units = [self._units(text) for text in texts]
        lengths = np.fromiter(map(len, units), np.int64, len(units))
        found = [self._hashes[unit] for row in units for unit in row]
        hashes = np.fromiter((one[0] for one in found), np.uint64, len(found))
        owners, places = np.repeat(np.arange(len(units)), lengths), np.arange(len(hashes))
        ends = np.repeat(np.cumsum(lengths), lengths)
        parts, texts_of = [hashes | _WORD], [owners]
        rolled = hashes
        for n in range(2, ngrams + 1):
            whole = np.flatnonzero(places + n <= ends)
            rolled = rolled[:-1] * _FACTOR + hashes[n - 1:] if len(rolled) else rolled
            parts.append(rolled[whole] % self.buckets)
            texts_of.append(owners[whole])
        if self.sizes:
            parts.append(np.concatenate([np.empty(0, np.uint64), *(one[1:] for one in found)]))
            texts_of.append(np.repeat(owners, [len(one) - 1 for one in found]))
        order = np.argsort(np.concatenate(texts_of), kind="stable")
        counts = np.bincount(np.concatenate(texts_of), minlength=len(units))
        return Bags(np.concatenate(parts)[order], counts.astype(np.int64))

    def _units(self, text: str) -> list[str]:
        text = text.lower()
        if self.segmenter is None:
            return list(replace_surrogates("".join(text.split())))
        return self.segmenter.spaced(text).split()

    def _hash(self, unit: str) -> np.ndarray:
        """Return the hash of a unit and the buckets of its character n-grams, its ends marked."""
        marked = f"<{unit}>"
        pieces = [marked[start:start + size] for size in self.sizes for start in range(len(marked) - size + 1)]
        inside = np.array([_hash(piece) for piece in pieces], np.uint64) % self.buckets
        return np.concatenate([np.array([_hash(unit)], np.uint64), inside])


def _hash(text: str) -> int:
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "little")
