"""Sizes of the model families: one section each, named as the architecture is in the registry."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

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


class Vectors(Enum):
    """What the vectors of units are at the start, and whether they learn (Kim 2014, section 3.1)."""

    rand = "rand"
    static = "static"
    non_static = "non_static"
    multichannel = "multichannel"


@dataclass
class EmbeddingModelConfig:
    """Vectors of units."""

    width: int = setting(300, low=1)
    """width of a vector"""
    vectors: str = setting("", external=True)
    """file of word vectors (text of word2vec or fastText; .gz .bz2 .xz .zst or plain); other units start at random"""
    mode: Vectors = Vectors.rand
    """rand: random and learning; from `vectors`: static (frozen), non_static (learning), multichannel (both, added)"""

    def problem(self) -> str:
        """Return what is wrong with mode and file together, if anything."""
        if self.mode is Vectors.rand and self.vectors:
            return ".mode=rand uses no vectors; it must be static, non_static or multichannel"
        if self.mode is not Vectors.rand and not self.vectors:
            return f".vectors is required with mode={self.mode.value}: a text file of word vectors"
        return ""


@dataclass
class OnehotModelConfig:
    """Units as they are: a dimension each, nothing learnt."""

    most_units: int = setting(4096, low=1)
    """a larger vocabulary is refused: every state is as wide as the vocabulary"""


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


class Cell(Enum):
    """Kind of recurrent layer."""

    lstm = "lstm"
    qrnn = "qrnn"


class Direction(Enum):
    """Which way a text is read."""

    forward = "forward"
    backward = "backward"


@dataclass
class AwdLstmModelConfig:
    """Size of an AWD-LSTM, and its dropouts in language modelling (`objective.causal.dropout` multiplies them)."""

    layers: int = setting(3, low=1)
    """recurrent layers"""
    embedding: int = setting(400, low=1)
    """width of embeddings and of the last layer's states"""
    hidden: int = setting(1152, low=1)
    """width of the other layers' states"""
    cell: Cell = Cell.lstm
    """lstm, or qrnn: gates from a convolution, faster on long texts"""
    direction: Direction = Direction.forward
    """forward, or backward: a text is read from its end and the unit before is predicted"""
    output_dropout: float = setting(0.1, low=0.0, high=1.0)
    """dropout of what the decoder reads"""
    hidden_dropout: float = setting(0.15, low=0.0, high=1.0)
    """dropout between layers"""
    input_dropout: float = setting(0.25, low=0.0, high=1.0)
    """dropout of the embeddings' features"""
    embedding_dropout: float = setting(0.02, low=0.0, high=1.0)
    """share of the vocabulary's rows that are dropped"""
    weight_dropout: float = setting(0.2, low=0.0, high=1.0)
    """dropout of hidden-to-hidden weights (qrnn: of the convolutions')"""


@dataclass
class ModelConfig:
    """Architecture and size of a model that starts from scratch; only the architecture's own section counts."""

    architecture: str = setting("bert", registry="models")
    """family, see `jpt ls models`; the section of that name holds its size"""
    bert: BertModelConfig = setting(factory=BertModelConfig, omit_when=None)
    """settings of bert"""
    embedding: EmbeddingModelConfig = setting(factory=EmbeddingModelConfig, omit_when=None)
    """settings of embedding"""
    onehot: OnehotModelConfig = setting(factory=OnehotModelConfig, omit_when=None)
    """settings of onehot"""
    rnn: RecurrentModelConfig = setting(factory=RecurrentModelConfig, omit_when=None)
    """settings of rnn"""
    lstm: RecurrentModelConfig = setting(factory=RecurrentModelConfig, omit_when=None)
    """settings of lstm"""
    awd_lstm: AwdLstmModelConfig = setting(factory=AwdLstmModelConfig, omit_when=None)
    """settings of awd_lstm"""
