"""Settings and registry row of reader `long_tail`."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from jptransfer.config.fields import setting
from jptransfer.registry import DATASETS


class Language(Enum):
    """Language of the utterances."""

    ja = "ja"
    en = "en"
    de = "de"


@DATASETS.register("long_tail", target="jptransfer.datasets.long_tail:read", files=None)
@dataclass
class LongTailConfig:
    """Generated utterances with a long tail of entity types; reads no files."""

    language: Language = Language.ja
    """language of the utterances"""
    train: int = setting(10_000, low=1)
    """utterances of the training split, at least one for each type"""
    validation: int = setting(1000, low=0)
    """utterances of the validation split"""
    test: int = setting(1000, low=0)
    """utterances of the test split"""
    tags: int = setting(240, low=1, high=240)
    """entity types, the most frequent ones"""
    exponent: float = setting(1.0, low=0.0)
    """exponent of Zipf's law for the frequencies of types, and of the names of a type"""
    values: int = setting(200, low=1)
    """names that a type has"""
    second: float = setting(0.3, low=0.0, high=1.0)
    """share of utterances with a second entity"""

    def validate(self) -> str:
        """Return what is wrong with the sizes, if anything."""
        return "" if self.train >= self.tags else f".train: {self.train} utterances cannot have {self.tags} types"
