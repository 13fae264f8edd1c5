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
    """maximum number of bytes per word, including the marks of its begin and end; longer words are truncated"""
    widths: list[int] = setting(factory=lambda: [1, 2, 3, 4, 5, 6, 7], low=1)
    """widths of the filters in bytes"""
    filters: list[int] = setting(factory=lambda: [32, 32, 64, 128, 256, 512, 1024], low=1)
    """filters of each width"""
    highways: int = setting(2, low=0)
    """highway layers over the filters"""
    layers: int = setting(2, low=1)
    """recurrent layers of each direction"""
    hidden: int = setting(4096, low=1)
    """width of the recurrent layers' cells"""
    projection: int = setting(512, low=1)
    """width of the recurrent layers' states, and of word vectors"""
    cell_clip: float = setting(3.0, low=0.0)
    """maximum absolute value of cells; 0: no limit (faster if `projection_clip` is 0 as well)"""
    projection_clip: float = setting(3.0, low=0.0)
    """maximum absolute value of states; 0: no limit"""
    dropout: float = setting(0.1, low=0.0, high=1.0)
    """dropout of the inputs of each layer and of the decoder"""

    def validate(self) -> str:
        """Return what is wrong with the filters, if anything."""
        if not self.widths or len(self.widths) != len(self.filters):
            return f".filters: one number for each of widths={self.widths} is needed, not {self.filters}"
        if max(self.widths) > self.max_characters:
            return f".widths: a filter of {max(self.widths)} is wider than max_characters={self.max_characters}"
        return ""
