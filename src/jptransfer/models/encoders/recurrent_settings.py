"""Settings and registry rows of architectures `rnn` and `lstm`."""

from __future__ import annotations

from dataclasses import dataclass

from jptransfer.config.fields import setting
from jptransfer.models.encoders.embedding_settings import EmbeddingModelConfig
from jptransfer.registry import MODELS


@dataclass
class RecurrentModelConfig(EmbeddingModelConfig):
    """Token vectors and recurrent layers over them."""

    hidden: int = setting(256, low=1)
    """width of the states of one direction"""
    layers: int = setting(1, low=1)
    """recurrent layers"""
    bidirectional: bool = False
    """read texts in both directions; the states are concatenated"""
    dropout: float = setting(0.0, low=0.0, high=1.0)
    """dropout of the vectors and between layers"""


@MODELS.register("rnn", target="jptransfer.models.encoders.recurrent:rnn", version=3)
@dataclass
class RnnModelConfig(RecurrentModelConfig):
    """Token vectors and a plain (Elman) recurrent net."""


@MODELS.register("lstm", target="jptransfer.models.encoders.recurrent:lstm", version=3)
@dataclass
class LstmModelConfig(RecurrentModelConfig):
    """Token vectors and a recurrent net of LSTM cells."""
