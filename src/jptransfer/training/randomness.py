"""Counter-based random numbers: pure, vectorised functions of their keys, without state.

The numbers of an example depend on (seed, epoch, example, position) only. They are the same in any batch, in any
process, and in a resumed run.
"""

from __future__ import annotations

import numpy as np

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_SHIFTS = np.uint64(30), np.uint64(27), np.uint64(31)
_FACTORS = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)


def _mix(value: np.ndarray) -> np.ndarray:
    """Return the finaliser of SplitMix64 (Steele, Lea & Flood 2014); `value` is overwritten."""
    value ^= value >> _SHIFTS[0]
    value *= _FACTORS[0]
    value ^= value >> _SHIFTS[1]
    value *= _FACTORS[1]
    value ^= value >> _SHIFTS[2]
    return value


def bits(*keys: int | np.ndarray) -> np.ndarray:
    """Return 64 random bits, uint64, for each combination of the broadcast integer keys."""
    state = np.zeros(1, np.uint64)
    for key in keys:
        state = derive(state, key)
    return state


def derive(state: np.ndarray, key: int | np.ndarray) -> np.ndarray:
    """Return 64 random bits for each combination of broadcast `state`, a result of `bits`, and one more key."""
    value = state ^ np.asarray(key, np.uint64)
    return _mix(np.add(value, _GOLDEN, out=value))


def generator(*keys: int) -> np.random.Generator:
    """Return a NumPy generator seeded by `keys`, for permutations and other sequential draws."""
    return np.random.default_rng([key & 0xFFFFFFFF for key in keys])
