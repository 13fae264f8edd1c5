"""Which units may follow so that a sequence of bytes is valid UTF-8 (The Unicode Standard 16.0, table 3-7)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from jptransfer.text.simple import byte_names

START, INVALID = 0, -1
"""States: between characters, and after bytes that are not UTF-8."""
NEEDED = np.array([0, 1, 2, 3, 2, 2, 3, 3])
"""State -> bytes that the character begun still needs."""
_TAIL = (0x80, 0xBF)
_RULES: tuple[tuple[int, int, int, int], ...] = (
    (START, 0x00, 0x7F, START), (START, 0xC2, 0xDF, 1), (START, 0xE0, 0xE0, 4), (START, 0xE1, 0xEC, 2),
    (START, 0xED, 0xED, 5), (START, 0xEE, 0xEF, 2), (START, 0xF0, 0xF0, 6), (START, 0xF1, 0xF3, 3),
    (START, 0xF4, 0xF4, 7), (1, *_TAIL, START), (2, *_TAIL, 1), (3, *_TAIL, 2),
    (4, 0xA0, 0xBF, 1), (5, 0x80, 0x9F, 1), (6, 0x90, 0xBF, 2), (7, 0x80, 0x8F, 2))
"""State, first byte, last byte, state after any byte from the first to the last."""


def transitions() -> np.ndarray:
    """Return the state after each byte in each state, (8, 256) int8; `INVALID` where the byte may not stand."""
    table = np.full((len(NEEDED), 256), INVALID, np.int8)
    for state, first, last, after in _RULES:
        table[state, first:last + 1] = after
    return table


class Utf8Units:
    """The units of a vocabulary as steps between the states of UTF-8."""

    def __init__(self, units: Sequence[bytes | None]) -> None:
        """Take the bytes of each unit; None: a special token, which can only stand between characters."""
        table = transitions()
        self.after = np.full((len(NEEDED), len(units)), INVALID, np.int8)
        for index, unit in enumerate(units):
            self.after[START, index] = START
            if unit is not None:
                states = np.arange(len(NEEDED))
                for byte in unit:
                    states = np.where(states == INVALID, INVALID, table[states, byte])
                self.after[:, index] = states

    def allowed(self, state: int, left: int) -> np.ndarray:
        """Return which units may follow, (units,) bool.

        Args:
            state: where the sequence is.
            left: how many units there will be, the next one included. The last one ends a character; every byte is
                taken to be a unit.
        """
        after = self.after[state]
        return (after != INVALID) & (NEEDED[after] < left)


def units_of(tokenizer: Any) -> Utf8Units | None:
    """Return the units of a tokenizer of bytes or of runs of bytes (byte-level BPE); None: its units are characters."""
    if getattr(tokenizer, "of_bytes", False):
        return Utf8Units([None] * tokenizer.first + [bytes([byte]) for byte in range(256)])
    inner = getattr(tokenizer, "tokenizer", None)
    if type(getattr(getattr(inner, "backend_tokenizer", None), "decoder", None)).__name__ != "ByteLevel":
        return None
    numbers = {name: byte for byte, name in enumerate(byte_names())}
    special = set(inner.all_special_ids)
    return Utf8Units([None if index in special else _spelled(token, numbers) for index, token in
                      enumerate(inner.convert_ids_to_tokens(list(range(tokenizer.vocab_size))))])


def _spelled(token: str | None, numbers: dict[str, int]) -> bytes | None:
    """Return the bytes of a piece of a byte-level vocabulary; added tokens are spelled as they are."""
    if token is None:
        return None
    return bytes(map(numbers.__getitem__, token)) if numbers.keys() >= set(token) else token.encode()
