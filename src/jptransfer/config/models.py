"""Settings of models that start from scratch; each registered architecture adds a section of its own."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from jptransfer.config.fields import setting
from jptransfer.registration import WithMembers
from jptransfer.registry import MODELS


class MissingGlyph(Enum):
    """What stands for a character that the font lacks, and for one that is no unit of the tokenizer."""

    box = "box"
    blank = "blank"


@dataclass
class GlyphsConfig:
    """Images of characters."""

    font: str = setting("", external=True)
    """font file (TTF, OTF, PCF, BDF; GNU Unifont as in Zhang and LeCun 2017); empty: IPAex Gothic, which is included"""
    size: int = setting(16, low=2)
    """pixels of a character's side"""
    grey: bool = False
    """grey levels at the edges; otherwise pixels are black or white"""
    missing: MissingGlyph = MissingGlyph.box
    """characters that the font lacks, and those that are no units: a box, or nothing"""


@MODELS.sections("architecture")
@dataclass
class ModelConfig(WithMembers):
    """Architecture and size of a model that starts from scratch; only the architecture's own section counts."""

    architecture: str = setting("bert", registry="models")
    """family, see `jpt ls models`; the section of that name holds its size"""
