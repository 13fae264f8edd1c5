"""Settings and registry row of head `rcnn`."""

from __future__ import annotations

from dataclasses import dataclass

from jptransfer.config.fields import setting
from jptransfer.registry import HEADS


@HEADS.register("rcnn", target="jptransfer.models.heads.rcnn:RcnnHead", level="sequence")
@dataclass
class RcnnHeadConfig:
    """Each token with its left and right context, read by a bidirectional net (Lai et al. 2015)."""

    hidden: int = setting(256, low=1)
    """width of the layer over a token and its contexts"""
