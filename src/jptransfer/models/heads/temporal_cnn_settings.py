"""Settings and registry row of head `temporal_cnn`."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

from jptransfer.config.fields import setting
from jptransfer.registry import HEADS


@HEADS.register("temporal_cnn", target="jptransfer.models.heads.temporal_cnn:TemporalCnnHead", level="sequence",
                version=2)
@dataclass
class TemporalCnnHeadConfig:
    """Pairs of convolutions, max pooling after each, two linear layers (Zhang and LeCun 2017)."""

    length: int = setting(512, low=1)
    """maximum number of tokens, special tokens included; shorter texts are padded with zeros"""
    pools: list[int] = setting(factory=lambda: [2, 2, 2, 2, 2], low=1)
    """pooling size after each pair of convolutions; the product must divide `length`"""
    width: int = setting(256, low=1)
    """filters of a convolution"""
    kernel: int = setting(3, low=1)
    """width of the filters, an odd number"""
    hidden: int = setting(1024, low=1)
    """width of the linear layer before the outputs"""

    def validate(self) -> str:
        """Return what is wrong with the sizes, if anything."""
        if self.kernel % 2 == 0:
            return f".kernel={self.kernel}: filters are centred on a state, so it must be odd"
        if self.length % prod(self.pools):
            return f".length={self.length} is no multiple of {prod(self.pools)}, the product of pools={self.pools}"
        return ""
