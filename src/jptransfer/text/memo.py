"""A memory of computed values with a bound."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

V = TypeVar("V")
MEMO_WORDS = 32_768
"""Capacity for words: enough for nearly all of a text, and soon full, so that memory does not grow with the text."""


class Memo(dict, Generic[V]):
    """A dictionary that computes what it lacks and keeps about the most recently used values.

    Least-recently-used order at the price of a plain dictionary look-up: when the young generation is full it
    becomes the old one and replaces the one before; a key found there moves back. At most ``2 * capacity`` values
    are held.
    """

    def __init__(self, compute: Callable[[str], V], capacity: int, longest: int = 64) -> None:
        """Keep at most `capacity` values a generation, and none for keys over `longest` characters."""
        super().__init__()
        self._compute, self._capacity, self._longest = compute, capacity, longest
        self._old: dict[str, V] = {}

    def __missing__(self, key: str) -> V:
        value = self._old.get(key)
        if value is None:
            value = self._compute(key)
        if len(key) > self._longest:
            return value
        if len(self) >= self._capacity:
            self._old = dict(self)
            self.clear()
        self[key] = value
        return value
