"""Settings and registry row of architecture `bert`."""

from __future__ import annotations

from dataclasses import dataclass

from jptransfer.config.fields import setting
from jptransfer.registry import MODELS


@MODELS.register("bert", target="jptransfer.models.encoders.bert:configuration",
                 objectives=("mlm",), head="", groups=("embeddings", "layer.*", "pooler"))
@dataclass
class BertModelConfig:
    """BERT encoder of any size."""

    layers: int = setting(2, low=1)
    """transformer layers"""
    hidden: int = setting(128, low=1)
    """width of the states"""
    heads: int = setting(2, low=1)
    """attention heads"""
    intermediate: int = setting(512, low=1)
    """width of the feed-forward layers"""
    max_positions: int = setting(512, low=2)
    """longest sequence, special tokens included"""
    dropout: float = setting(0.1, low=0.0, high=1.0)
    """dropout of states"""
    attention_dropout: float = setting(0.1, low=0.0, high=1.0)
    """dropout of attention weights"""
    initializer_range: float = setting(0.02, low=0.0)
    """standard deviation of initial weights"""
