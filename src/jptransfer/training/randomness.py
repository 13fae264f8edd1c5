"""Random numbers as a pure function of what they are for: counter-based, vectorised, free of any state.

The numbers of an example depend on (seed, epoch, example, position) alone, so they are the same whichever batch,
process or resumed run asks for them.
"""

from __future__ import annotations

import numpy as np

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)


def _mix(value: np.ndarray) -> np.ndarray:
    """Return the finaliser of SplitMix64 (Steele, Lea & Flood 2014)."""
    value = (value ^ (value >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    value = (value ^ (value >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return value ^ (value >> np.uint64(31))


def uniform(*keys: int | np.ndarray) -> np.ndarray:
    """Return numbers in [0, 1) with 53 random bits, one for each combination of the broadcast integer keys."""
    state = np.zeros(1, np.uint64)
    with np.errstate(over="ignore"):
        for key in keys:
            state = _mix((state ^ np.asarray(key).astype(np.uint64)) + _GOLDEN)
    return (state >> np.uint64(11)).astype(np.float64) * 2.0**-53


def generator(*keys: int) -> np.random.Generator:
    """Return a NumPy generator seeded by `keys`, for permutations and other sequential draws."""
    return np.random.default_rng([key & 0xFFFFFFFF for key in keys])
