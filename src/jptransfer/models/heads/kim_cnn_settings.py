"""Settings and registry row of head `kim_cnn`."""

from __future__ import annotations

from dataclasses import dataclass

from jptransfer.config.fields import setting
from jptransfer.registry import HEADS


@HEADS.register("kim_cnn", target="jptransfer.models.heads.kim_cnn:KimCnnHead", level="sequence", version=2)
@dataclass
class KimCnnHeadConfig:
    """Convolutions and maxima over time (Kim 2014)."""

    widths: list[int] = setting(factory=lambda: [3, 4, 5], low=1)
    """widths of the filters in tokens"""
    filters: int = setting(100, low=1)
    """filters of each width"""
    max_norm: float = setting(3.0, low=0.0)
    """maximum norm of an output's weights, enforced after every update; 0: none"""
