"""Settings and registry row of architecture `super_characters`."""

from __future__ import annotations

from dataclasses import dataclass

from jptransfer.config.fields import setting
from jptransfer.config.models import GlyphsConfig
from jptransfer.registry import MODELS


@MODELS.register("super_characters", target="jptransfer.models.encoders.super_characters:configuration")
@dataclass
class SuperCharactersModelConfig(GlyphsConfig):
    """Renders the text as one square image of its characters and encodes it with a ResNet (Sun et al. 2018)."""

    grid: int = setting(14, low=1)
    """number of rows, and of characters per row; the picture's side is `grid` times `size` pixels"""
    stem: int = setting(64, low=1)
    """filters of the ResNet's first convolution"""
    widths: list[int] = setting(factory=lambda: [64, 128, 256, 512], low=1)
    """filters of the ResNet's stages"""
    depths: list[int] = setting(factory=lambda: [2, 2, 2, 2], low=1)
    """blocks of each stage (ResNet-18 with the default `widths`)"""
    bottleneck: bool = False
    """blocks of three convolutions instead of two (ResNet-50: depths [3,4,6,3], widths [256,512,1024,2048])"""
    weights: str = setting("", external=True)
    """folder of a pre-trained ResNet (transformers), whose sizes are used; empty: random weights"""

    def validate(self) -> str:
        """Return what is wrong with the stages, if anything."""
        if not self.weights and len(self.widths) != len(self.depths):
            return f": widths={self.widths} and depths={self.depths} must be of one length, a stage each"
        return ""
