"""Settings and registry row of architecture `awd_lstm`."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from jptransfer.config.fields import setting
from jptransfer.registry import MODELS


class Cell(Enum):
    """Kind of recurrent layer."""

    lstm = "lstm"
    qrnn = "qrnn"


class Direction(Enum):
    """Reading direction."""

    forward = "forward"
    backward = "backward"


@MODELS.register("awd_lstm", target="jptransfer.models.encoders.awd_lstm:configuration",
                 objectives=("causal",), head="concat_pooling", windows=True)
@dataclass
class AwdLstmModelConfig:
    """AWD-LSTM or QRNN, the language model of ULMFiT and MultiFiT.

    `objective.causal.dropout` multiplies its dropouts in language modelling.
    """

    layers: int = setting(3, low=1)
    """recurrent layers"""
    embedding: int = setting(400, low=1)
    """width of embeddings and of the last layer's states"""
    hidden: int = setting(1152, low=1)
    """width of the other layers' states"""
    cell: Cell = Cell.lstm
    """lstm, or qrnn (gates from a convolution; faster on long texts)"""
    direction: Direction = Direction.forward
    """forward, or backward (texts are read from their end, and the previous token is predicted)"""
    output_dropout: float = setting(0.1, low=0.0, high=1.0)
    """dropout of what the decoder reads"""
    hidden_dropout: float = setting(0.15, low=0.0, high=1.0)
    """dropout between layers"""
    input_dropout: float = setting(0.25, low=0.0, high=1.0)
    """dropout of the embeddings' features"""
    embedding_dropout: float = setting(0.02, low=0.0, high=1.0)
    """share of the vocabulary's rows that are dropped"""
    weight_dropout: float = setting(0.2, low=0.0, high=1.0)
    """dropout of hidden-to-hidden weights (qrnn: of the convolutions' weights)"""
