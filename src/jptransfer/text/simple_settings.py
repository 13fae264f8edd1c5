"""Settings and registry rows of tokenizers `word`, `character` and `byte`."""

from __future__ import annotations

from dataclasses import dataclass

from jptransfer.config.fields import setting
from jptransfer.registry import TOKENIZERS

TOKENIZERS.add("word", "jptransfer.text.simple:WordTokenizer", "MeCab words, the most frequent ones", words="mecab",
               vocab_size=True, min_frequency=True)
TOKENIZERS.add("character", "jptransfer.text.simple:CharacterTokenizer", "Unicode characters, the most frequent ones",
               vocab_size=True, min_frequency=True)


@TOKENIZERS.register("byte", target="jptransfer.text.simple:ByteTokenizer", trained=False, flat=True)
@dataclass
class ByteTokenizerConfig:
    """UTF-8 bytes."""

    special_tokens: bool = setting(True, omit_when=True)
    """false: 256 units without special tokens; line ends in a text become spaces, and a text is framed by bytes, a line
    end and a space before it and a space after it (Radford et al. 2017)"""
