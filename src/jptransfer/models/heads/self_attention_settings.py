"""Settings and registry row of head `self_attention`."""

from __future__ import annotations

from dataclasses import dataclass

from jptransfer.config.fields import setting
from jptransfer.registry import HEADS


@HEADS.register("self_attention", target="jptransfer.models.heads.self_attention:SelfAttentionHead", level="sequence")
@dataclass
class SelfAttentionHeadConfig:
    """Structured self-attention: several weighted sums of the states, with learnt weights (Lin et al. 2017)."""

    hidden: int = setting(350, low=1)
    """width of the layer that scores a state (d_a)"""
    hops: int = setting(30, low=1)
    """weighted sums (r)"""
    penalty: float = setting(1.0, low=0.0)
    """coefficient of the penalty that keeps the sums different"""
    dense: int = setting(512, low=1)
    """width of the layer between sums and outputs"""
