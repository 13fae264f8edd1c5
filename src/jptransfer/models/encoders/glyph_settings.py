"""Settings and registry row of architecture `glyph`."""

from __future__ import annotations

from dataclasses import dataclass

from jptransfer.config.fields import setting
from jptransfer.config.models import GlyphsConfig
from jptransfer.registry import MODELS


@MODELS.register("glyph", target="jptransfer.models.encoders.glyph:configuration", groups=("layer.*",), version=2)
@dataclass
class GlyphModelConfig(GlyphsConfig):
    """Pictures of characters through spatial convolutions (GlyphNet, Zhang and LeCun 2017)."""

    filters: list[int] = setting(factory=lambda: [64, 128, 256], low=1)
    """filters of each pair of convolutions"""
    pool: int = setting(2, low=1)
    """size of the max pooling after each pair, in pixels"""
    hidden: int = setting(1024, low=1)
    """width of the first linear layer"""
    width: int = setting(256, low=1)
    """width of a character's vector"""
