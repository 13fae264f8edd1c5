"""Settings and registry row of head `concat_pooling`."""

from __future__ import annotations

from dataclasses import dataclass

from jptransfer.config.fields import setting
from jptransfer.registry import HEADS


@HEADS.register("concat_pooling", target="jptransfer.models.heads.concat_pooling:ConcatPoolingHead", level="sequence")
@dataclass
class ConcatPoolingHeadConfig:
    """Last, maximum and mean state, then two layers with batch normalisation (ULMFiT, Howard and Ruder 2018)."""

    width: int = setting(50, low=1)
    """width of the hidden layer"""
    input_dropout: float = setting(0.4, low=0.0, high=1.0)
    """dropout of the pooled states"""
