"""Settings and registry row of reader `conll_file`."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from jptransfer.datasets.separators import separator_error
from jptransfer.registry import DATASETS


class Joiner(Enum):
    """What is between two tokens of the text."""

    auto = "auto"
    space = "space"
    none = "none"


class Docstart(Enum):
    """What a line ``-DOCSTART-`` is."""

    skip = "skip"
    document = "document"
    sentence = "sentence"


@DATASETS.register("conll_file", target="jptransfer.datasets.conll_file:read", version=3)
@dataclass
class ConllFileConfig:
    """Tagged tokens in columns: your own, the toy's, CRF++'s, WNUT's."""

    token_column: int = 0
    """number of the token's column: 0 is the first, -1 the last"""
    tag_column: int = -1
    """number of the tag's column: 0 is the first, -1 the last"""
    separator: str = ""
    """tab, comma, semicolon, pipe, space or any character between columns; empty: any run of tabs and spaces"""
    joiner: Joiner = Joiner.auto
    """text between tokens: space, none, or auto: none in sentences with kana or kanji, except between Latin words"""
    comment: str = ""
    """beginning of lines to leave out; empty: lines before a sentence that begin with # and are not tagged tokens"""
    docstart: Docstart = Docstart.skip
    """lines -DOCSTART-: skip; document: begin a document, which stays together where splits are made; sentence: keep
    them as sentences, as counts of CoNLL-2003 often do"""

    def validate(self) -> str:
        """Return what is wrong with the separator, if anything."""
        return separator_error(self.separator)
