"""What length limits leave out of texts, counted in one form wherever texts become input."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Cut:
    """Counts over texts.

    Attributes:
        texts, texts_cut: how many were encoded, and how many of them lost tokens.
        tokens, tokens_cut: tokens of all texts (0: not counted), and those that are lost.
        words_cut, characters_cut: words with more characters (or bytes) than are read, and the characters lost.
        limit: tokens of an input, special tokens included; the largest where limits differ.
    """

    texts: int = 0
    texts_cut: int = 0
    tokens: int = 0
    tokens_cut: int = 0
    words_cut: int = 0
    characters_cut: int = 0
    limit: int = 0

    def __add__(self, other: Cut) -> Cut:
        theirs = other.describe()
        counts = {name: value + theirs[name] for name, value in self.describe().items()}
        return Cut(**counts | {"limit": max(self.limit, other.limit)})

    def since(self, before: Cut) -> Cut:
        """Return what was counted after `before`."""
        earlier = before.describe()
        counts = {name: value - earlier[name] for name, value in self.describe().items()}
        return Cut(**counts | {"limit": self.limit})

    def __bool__(self) -> bool:
        """Whether anything is lost."""
        return bool(self.tokens_cut or self.characters_cut)

    @property
    def share(self) -> float:
        """Share of all tokens that is lost; 0 if they were not counted."""
        return self.tokens_cut / max(1, self.tokens)

    def describe(self) -> dict[str, int]:
        """Return the counts by name."""
        return asdict(self)

    def sentence(self) -> str:
        """Return in words what is lost; empty: nothing."""
        parts = []
        if self.tokens_cut:
            share = f" of {self.tokens:,} ({self.share:.1%})" if self.tokens else ""
            parts.append(f"{self.texts_cut:,} of {self.texts:,} texts are longer than max_length={self.limit} and lose "
                         f"{self.tokens_cut:,}{share} tokens")
        if self.characters_cut:
            words = "1 word is" if self.words_cut == 1 else f"{self.words_cut:,} words are"
            parts.append(f"{words} longer than max_characters and lose{'s' * (self.words_cut == 1)} "
                         f"{self.characters_cut:,} characters")
        return "; ".join(parts)


def take_words_cut(tokenizer: Any) -> Cut:
    """Return what the tokenizer's own limit on the characters of a word has cut since it was last asked."""
    found = getattr(tokenizer, "words_cut", None)
    if not found:
        return Cut()
    tokenizer.words_cut = Cut()
    return found  # type: ignore[no-any-return]
