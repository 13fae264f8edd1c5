"""MinHash signatures of many texts at once: few-permutation hashing of character n-grams, in NumPy.

One-permutation hashing (Li, Owen & Zhang 2012) hashes every n-gram once, uses the hash to select one of k bins, and
keeps the minimum of each bin. A signature of k values thus costs one permutation. Here every n-gram goes into `COPIES`
bins, so that short texts fill most bins, too. The minimum of a bin is still a uniform choice among both texts' n-grams,
so two texts agree in a bin with the probability of their Jaccard similarity. Empty bins are ignored in estimates. For
banding only, they are filled from other bins of the same text, in a fixed order per bin (optimal densification:
Shrivastava 2017), which preserves this probability.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

EMPTY = np.uint32(0xFFFFFFFF)
COPIES = 4
"""Number of bins per n-gram."""
TEXTS_AT_ONCE = 512
"""Number of texts whose n-grams are hashed together; their arrays fit into the cache, and memory is reused."""
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
        """Return the signatures (texts, bins) uint32; `EMPTY` in bins without n-grams.

        A text shorter than n is padded to one n-gram.
        """
        signatures = np.full((len(texts), self.bins), EMPTY, np.uint32)
        for start in range(0, len(texts), TEXTS_AT_ONCE):
            self._sign(texts[start:start + TEXTS_AT_ONCE], signatures[start:start + TEXTS_AT_ONCE].ravel())
        return signatures

    def _sign(self, texts: Sequence[str], signatures: np.ndarray) -> None:
        """Set the bins (texts * bins,) to the minimum hashes of the texts' n-grams, in place."""
        hashes, owners = self._hashes(texts)
        owners *= np.uint32(self.bins)
        for copy in self._copies:
            values = _mixed(hashes * copy)
            bins = values >> np.uint32(16)
            # The upper bits selected the bin and hardly differ within it, so the lower bits are moved to the top.
            values <<= np.uint32(16)
            values |= bins
            bins *= np.uint32(self.bins)
            bins >>= np.uint32(16)
            bins += owners
            np.minimum.at(signatures, bins, values)

    def _hashes(self, texts: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
        """Return a 32-bit hash of every n-gram, and the index of its text."""
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
        """Fill each empty bin from the first non-empty bin of its detour."""
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
    """Estimate the Jaccard similarity of each pair of rows: the share of equal bins among bins not empty in both.

    Rows may be truncated to 16-bit integers: one value in 65,536 then counts as empty, in both texts.
    """
    both_empty = (left == right) & (left == np.iinfo(left.dtype).max)
    empty = both_empty.sum(axis=1)
    return ((left == right).sum(axis=1) - empty) / np.maximum(1, left.shape[1] - empty)


def choose_bands(threshold: float, permutations: int, recall: float = 0.995) -> int:
    """Return the smallest number of bands with which texts at `threshold` become candidates with probability `recall`.

    The probability is 1 - (1 - t^r)^b with r = permutations // b rows per band.
    """
    for rows in range(permutations, 0, -1):
        bands = permutations // rows
        if 1 - (1 - threshold**rows) ** bands >= recall:
            return bands
    return permutations


def _mixed(values: np.ndarray) -> np.ndarray:
    """Apply MurmurHash3's 32-bit finaliser in place: a bijection in which every output bit depends on all input bits.
    """
    values ^= values >> np.uint32(16)
    values *= np.uint32(0x85EBCA6B)
    values ^= values >> np.uint32(13)
    values *= np.uint32(0xC2B2AE35)
    values ^= values >> np.uint32(16)
    return values
