"""Sizes of the model families: one section each, named as the architecture is in the registry."""

from __future__ import annotations

from dataclasses import dataclass

from jptransfer.config.fields import setting


@dataclass
class BertModelConfig:
    """Size of a BERT."""

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


@dataclass
class ModelConfig:
    """Architecture and size of a model that starts from scratch; only the architecture's own section counts."""

    architecture: str = setting("bert", registry="models")
    """family, see `jpt ls models`; the section of that name holds its size"""
    bert: BertModelConfig = setting(factory=BertModelConfig, omit_when=None)
    """settings of bert"""
