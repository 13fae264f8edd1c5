"""Settings and registry row of architecture `elmo`."""

from __future__ import annotations

from dataclasses import dataclass

from jptransfer.config.fields import setting
from jptransfer.registry import MODELS


@MODELS.register("elmo", target="jptransfer.models.encoders.elmo:configuration",
                 objectives=("bilm",), tokenizers=("views",))
@dataclass
class ElmoModelConfig:
    """ELMo: bytes of words, then recurrent layers of both directions (Peters et al. 2018)."""

    character_width: int = setting(16, low=1)
    """width of a byte's embedding"""
    max_characters: int = setting(50, low=3)
    """bytes of a word, its two marks included; those of a longer word are cut"""
    widths: list[int] = setting(factory=lambda: [1, 2, 3, 4, 5, 6, 7], low=1)
    """bytes that the filters see at a time"""
    filters: list[int] = setting(factory=lambda: [32, 32, 64, 128, 256, 512, 1024], low=1)
    """filters of each width"""
    highways: int = setting(2, low=0)
    """highway layers over the filters"""
    layers: int = setting(2, low=1)
    """recurrent layers of each direction"""
    hidden: int = setting(4096, low=1)
    """width of their cells"""
    projection: int = setting(512, low=1)
    """width of their states, and of words"""
    cell_clip: float = setting(3.0, low=0.0)
    """largest absolute value in a cell; 0: none (with `projection_clip: 0` each window is one fused call)"""
    projection_clip: float = setting(3.0, low=0.0)
    """largest absolute value in a state; 0: none"""
    dropout: float = setting(0.1, low=0.0, high=1.0)
    """dropout of what each layer reads and of what is decoded"""

    def validate(self) -> str:
        """Return what is wrong with the filters, if anything."""
        if not self.widths or len(self.widths) != len(self.filters):
            return f".filters: one number for each of widths={self.widths} is needed, not {self.filters}"
        if max(self.widths) > self.max_characters:
            return f".widths: a filter of {max(self.widths)} is wider than max_characters={self.max_characters}"
        return ""
