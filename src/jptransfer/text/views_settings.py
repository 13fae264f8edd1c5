"""Settings and registry row of tokenizer `views`."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from jptransfer.config.fields import setting
from jptransfer.config.text import NO_READINGS, Segmentation, TokenizerConfig, TokenizerSettings
from jptransfer.registry import TOKENIZERS


class CharacterView(Enum):
    """Units that a word is spelled in."""

    bytes = "bytes"
    bigrams = "bigrams"
    characters = "characters"


@TOKENIZERS.register("views", target="jptransfer.text.views:ViewsTokenizer", words="any", vocab_size=True,
                     min_frequency=True)
@dataclass
class ViewsConfig(TokenizerSettings):
    """Words, and beside each its bytes, bigrams or characters."""

    characters: CharacterView = CharacterView.bytes
    """bytes of UTF-8 (ELMo); bigrams: pairs of neighbouring characters (Johnson et al. 2019); characters"""
    max_characters: int = setting(48, low=1)
    """units of a longer word are cut (ELMo: 50 with the marks of begin and end, which are the model's)"""
    min_frequency: int = setting(1, low=1)
    """rarer characters and bigrams are left out"""
    romanize: bool = setting(False, omit_when=False)
    """spell the words in Latin letters, by MeCab's readings, before they are cut; the words stay Japanese"""

    def check(self, family: TokenizerConfig) -> str:
        """Readings come from MeCab."""
        name = family.segmenter.name
        return f".segmenter.name={name.value} {NO_READINGS}" if self.romanize and name is not Segmentation.mecab else ""
