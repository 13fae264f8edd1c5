"""MinHash signatures of many texts at once: few-permutation hashing of character n-grams, in NumPy.

One-permutation hashing (Li, Owen & Zhang 2012) hashes every n-gram once, lets the hash choose one of k bins and keeps
each bin's minimum: the work of one permutation for a signature of k values. Here every n-gram goes into `COPIES` bins,
so that short texts fill most of them, too. A bin's minimum is still a uniform choice among both texts' n-grams, so two
texts agree in it with the chance of their Jaccard similarity. Bins that stay empty count in no estimate; for banding
alone they are filled from other bins of the same text, in an order fixed for each bin (optimal densification:
Shrivastava 2017), which keeps that chance.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

EMPTY = np.uint32(0xFFFFFFFF)
COPIES = 4
"""Bins that an n-gram goes into."""
TEXTS_AT_ONCE = 512
"""Texts whose n-grams are hashed together: their arrays stay in the cache and in memory that was asked for before."""
_SEED = 20_170_806


class MinHasher:
    """Signatures of `permutations` bins over the character n-grams of texts, and the keys of their bands."""

    def __init__(self, ngram: int, permutations: int, bands: int) -> None:
        self.ngram, self.bins, self.bands = ngram, permutations, bands
        self.rows = permutations // bands
        random = np.random.default_rng(_SEED)
        self._multipliers = random.integers(0, 1 << 32, ngram, dtype=np.uint32) | np.uint32(1)
        self._mixers = random.integers(0, 1 << 63, self.rows, dtype=np.uint64) * np.uint64(2) + np.uint64(1)
        self._copies = random.integers(0, 1 << 32, COPIES, dtype=np.uint32) | np.uint32(1)
        self._detours = np.argsort(random.random((permutations, permutations)), axis=1).T.astype(np.int64).copy()

    def signatures(self, texts: Sequence[str]) -> np.ndarray:
        """Return the signatures (texts, bins) uint32; `EMPTY` where no n-gram fell into a bin.

        A text shorter than n has one n-gram, itself.
        """
        signatures = np.full((len(texts), self.bins), EMPTY, np.uint32)
        for start in range(0, len(texts), TEXTS_AT_ONCE):
            self._sign(texts[start:start + TEXTS_AT_ONCE], signatures[start:start + TEXTS_AT_ONCE].ravel())
        return signatures

    def _sign(self, texts: Sequence[str], signatures: np.ndarray) -> None:
        """Lower the bins (texts * bins,) to the least hashes of the texts' n-grams."""
        hashes, owners = self._hashes(texts)
        owners *= np.uint32(self.bins)
        for copy in self._copies:
            values = _mixed(hashes * copy)
            bins = values >> np.uint32(16)
            # Within a bin the upper bits hardly differ: turned round, the lower ones decide.
            values <<= np.uint32(16)
            values |= bins
            bins *= np.uint32(self.bins)
            bins >>= np.uint32(16)
            bins += owners
            np.minimum.at(signatures, bins, values)

    def _hashes(self, texts: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
        """Return a 32-bit hash of every n-gram, and the number of the text it belongs to."""
        n = self.ngram
        padded = [text if len(text) >= n else text.ljust(n, "\0") for text in texts]
        codes = np.frombuffer("".join(padded).encode("utf-32-le", "surrogatepass"), np.uint32)
        lengths = np.fromiter(map(len, padded), np.int64, len(padded))
        owners = np.repeat(np.arange(len(padded), dtype=np.uint32), lengths)
        last = len(codes) - n + 1
        hashes = codes[:last] * self._multipliers[0]
        for place in range(1, n):
            hashes += codes[place:last + place] * self._multipliers[place]
        within = owners[:last] == owners[n - 1:]
        return hashes[within], owners[:last][within]

    def band_keys(self, signatures: np.ndarray) -> np.ndarray:
        """Return a 64-bit key for each band of each signature, (bands, texts): equal bands have equal keys."""
        filled = self._densified(signatures)[:, :self.bands * self.rows]
        parts = filled.reshape(len(filled), self.bands, self.rows)
        keys = parts[:, :, 0] * self._mixers[0]
        for row in range(1, self.rows):
            keys += parts[:, :, row] * self._mixers[row]
        keys ^= keys >> np.uint64(32)
        keys *= np.uint64(0xBF58476D1CE4E5B9)
        keys ^= keys >> np.uint64(29)
        return keys.T

    def _densified(self, signatures: np.ndarray) -> np.ndarray:
        """Fill empty bins from the first bin of their detour that is not."""
        values = signatures.ravel()
        filled = values.copy()
        empty = np.flatnonzero(values == EMPTY)
        bins = empty % self.bins
        for detour in self._detours:
            if not len(empty):
                break
            found = values[empty - bins + detour[bins]]
            filled[empty] = found
            empty, bins = empty[found == EMPTY], bins[found == EMPTY]
        return filled.reshape(signatures.shape)


def similarity(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Estimate the Jaccard similarity of each pair of rows: agreeing bins among those that are not empty in both.

    The rows may be cut to narrower unsigned integers: then one value in 65,536 passes for empty, in both texts alike.
    """
    both_empty = (left == right) & (left == np.iinfo(left.dtype).max)
    empty = both_empty.sum(axis=1)
    return ((left == right).sum(axis=1) - empty) / np.maximum(1, left.shape[1] - empty)


def choose_bands(threshold: float, permutations: int, recall: float = 0.995) -> int:
    """Return the fewest bands by which two texts at `threshold` still become candidates with chance `recall`.

    The chance is 1 - (1 - t^r)^b with r = permutations // b rows a band.
    """
    for rows in range(permutations, 0, -1):
        bands = permutations // rows
        if 1 - (1 - threshold**rows) ** bands >= recall:
            return bands
    return permutations


def _mixed(values: np.ndarray) -> np.ndarray:
    """MurmurHash3's 32-bit finaliser, in place: a bijection in which every bit depends on all."""
    values ^= values >> np.uint32(16)
    values *= np.uint32(0x85EBCA6B)
    values ^= values >> np.uint32(13)
    values *= np.uint32(0xC2B2AE35)
    values ^= values >> np.uint32(16)
    return values
