"""Settings and registry row of architecture `rnn` and `lstm`."""

from __future__ import annotations

from dataclasses import dataclass

from jptransfer.config.fields import setting
from jptransfer.models.encoders.embedding_settings import EmbeddingModelConfig
from jptransfer.registry import MODELS


@dataclass
class RecurrentModelConfig(EmbeddingModelConfig):
    """Vectors of units and recurrent layers over them."""

    hidden: int = setting(256, low=1)
    """width of the states of one direction"""
    layers: int = setting(1, low=1)
    """recurrent layers"""
    bidirectional: bool = False
    """read from both ends; the states of both directions stand side by side"""
    dropout: float = setting(0.0, low=0.0, high=1.0)
    """dropout of the vectors and between layers"""


@MODELS.register("rnn", target="jptransfer.models.encoders.recurrent:rnn", version=3)
@dataclass
class RnnModelConfig(RecurrentModelConfig):
    """Vectors of units and a plain (Elman) recurrent net."""


@MODELS.register("lstm", target="jptransfer.models.encoders.recurrent:lstm", version=3)
@dataclass
class LstmModelConfig(RecurrentModelConfig):
    """Vectors of units and a recurrent net of LSTM cells."""
