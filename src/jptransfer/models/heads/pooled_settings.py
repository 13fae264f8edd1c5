"""Settings and registry row of head `pooled`."""

from __future__ import annotations

from dataclasses import dataclass

from jptransfer.config.features import Pooling
from jptransfer.registry import HEADS


@HEADS.register("pooled", target="jptransfer.models.heads.pooled:PooledHead", level="sequence")
@dataclass
class PooledHeadConfig:
    """One linear layer on a pooled state of the top layer."""

    pooling: Pooling = Pooling.first
    """first: first token; last: last token in reading order; mean, max: over all states; concat: last, max and mean"""
