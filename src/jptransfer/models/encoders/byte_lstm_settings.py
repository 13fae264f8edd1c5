"""Settings and registry rows of architectures `byte_lstm` and `multiplicative_lstm`."""

from __future__ import annotations

from dataclasses import dataclass

from jptransfer.config.fields import setting
from jptransfer.registry import MODELS


@MODELS.register("byte_lstm", target="jptransfer.models.encoders.byte_lstm:configuration", objectives=("causal",),
                 head="concat_pooling", tokenizers=("byte",), groups=("embeddings", "layer.*"), windows=True,
                 cells=True)
@dataclass
class ByteLstmModelConfig:
    """LSTM over bytes with weight normalisation, which Radford et al. (2017) compare with the multiplicative one."""

    hidden_size: int = setting(4096, low=1)
    """width of the states"""
    embedding_size: int = setting(64, low=1)
    """width of a byte's embedding"""


@MODELS.register("multiplicative_lstm", target="jptransfer.models.encoders.byte_lstm:multiplicative_configuration",
                 objectives=("causal",), head="concat_pooling", tokenizers=("byte",), groups=("embeddings", "layer.*"),
                 windows=True, cells=True)
@dataclass
class MultiplicativeLstmModelConfig(ByteLstmModelConfig):
    """Multiplicative LSTM over bytes with weight normalisation, the language model of Radford et al. (2017)."""
