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


class Initial(Enum):
    """What random vectors are drawn from."""

    uniform = "uniform"
    normal = "normal"


@dataclass
class EmbeddingModelConfig:
    """Vectors of units."""

    width: int = setting(300, low=1)
    """width of a vector"""
    vectors: str = setting("", external=True)
    """file of word vectors (of word2vec, fastText's .vec, Polyglot's pickle; or compressed); others start at random"""
    mode: Vectors = Vectors.rand
    """rand: random and learning; from `vectors`: static (frozen), non_static (learning), multichannel (both, added)"""
    initial: Initial = setting(Initial.uniform, omit_when=Initial.uniform)
    """random vectors: uniform, U(-.25, .25) (Kim 2014), or normal, N(0, sqrt(1 / width)) (Zhang and LeCun 2017)"""

    def validate(self) -> str:
        """Return what is wrong with mode and file together, if anything."""
        if self.mode is Vectors.rand and self.vectors:
            return ".mode=rand uses no vectors; it must be static, non_static or multichannel"
        if self.mode is not Vectors.rand and not self.vectors:
            return f".vectors is required with mode={self.mode.value}: a file of word vectors"
        return ""


@dataclass
class OnehotModelConfig:
    """Analyzer as they are: a dimension each, nothing learnt."""

    most_units: int = setting(4096, low=1)
    """a larger vocabulary is refused: every state is as wide as the vocabulary"""


class MissingGlyph(Enum):
    """What stands for a character that the font lacks, and for one that is no unit of the tokenizer."""

    box = "box"
    blank = "blank"


@dataclass
class GlyphsConfig:
    """Pictures of characters."""

    font: str = setting("", external=True)
    """font file (TTF, OTF, PCF, BDF; GNU Unifont as in Zhang and LeCun 2017); empty: IPAex Gothic, which comes along"""
    size: int = setting(16, low=2)
    """pixels of a character's side"""
    grey: bool = False
    """shades of grey at the edges; otherwise a pixel has ink or not"""
    missing: MissingGlyph = MissingGlyph.box
    """characters that the font lacks, and those that are no units: a box, or nothing"""


@dataclass
class GlyphModelConfig(GlyphsConfig):
    """Spatial convolutions over the picture of a character (Zhang and LeCun 2017, GlyphNet)."""

    filters: list[int] = setting(factory=lambda: [64, 128, 256], low=1)
    """filters of each pair of convolutions"""
    pool: int = setting(2, low=1)
    """max pooling after each pair, pixels of a side"""
    hidden: int = setting(1024, low=1)
    """width of the first linear layer"""
    width: int = setting(256, low=1)
    """width of a character's vector"""


@dataclass
class SuperCharactersModelConfig(GlyphsConfig):
    """A text as one square picture, and a ResNet over it (Sun et al. 2018)."""

    grid: int = setting(14, low=1)
    """characters in a row, and rows; the picture's side is `grid` times `size` pixels"""
    stem: int = setting(64, low=1)
    """filters of the ResNet's first convolution"""
    widths: list[int] = setting(factory=lambda: [64, 128, 256, 512], low=1)
    """filters of the ResNet's stages"""
    depths: list[int] = setting(factory=lambda: [2, 2, 2, 2], low=1)
    """blocks of each stage (with `widths` as they are: ResNet-18)"""
    bottleneck: bool = False
    """blocks of three convolutions in place of two (ResNet-50: depths [3,4,6,3], widths [256,512,1024,2048])"""
    weights: str = setting("", external=True)
    """folder of a ResNet of transformers to start from, whose sizes then count; empty: a fresh one"""

    def validate(self) -> str:
        """Return what is wrong with the stages, if anything."""
        if not self.weights and len(self.widths) != len(self.depths):
            return f": widths={self.widths} and depths={self.depths} must be of one length, a stage each"
        return ""


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
class BilstmTaggerModelConfig(EmbeddingModelConfig):
    """Size of the tagger of Johnson et al. (2019); `width`, `vectors` and `mode` are of the words."""

    width: int = setting(50, low=1)
    """width of a word's vector"""
    hidden: int = setting(300, low=1)
    """width of the states of one direction over words"""
    char_width: int = setting(50, low=1)
    """width of a character unit's vector"""
    char_hidden: int = setting(100, low=1)
    """width of the states of one direction over characters"""
    dropout: float = setting(0.5, low=0.0, high=1.0)
    """dropout of what the net over words reads"""


@dataclass
class ElmoModelConfig:
    """Size of a bidirectional language model over the bytes of words (Peters et al. 2018), and its dropout."""

    character_width: int = setting(16, low=1)
    """width of a byte's embedding"""
    max_characters: int = setting(50, low=3)
    """bytes of a word, its two marks included; those of a longer word are cut"""
    widths: list[int] = setting(factory=lambda: [1, 2, 3, 4, 5, 6, 7], low=1)
    """bytes that the filters see at a time"""
    filters: list[int] = setting(factory=lambda: [32, 32, 64, 128, 256, 512, 1024], low=1)
    """filters of each width"""
    highways: int = setting(2, low=0)
    """highway layers over the filters"""
    layers: int = setting(2, low=1)
    """recurrent layers of each direction"""
    hidden: int = setting(4096, low=1)
    """width of their cells"""
    projection: int = setting(512, low=1)
    """width of their states, and of words"""
    cell_clip: float = setting(3.0, low=0.0)
    """largest absolute value in a cell; 0: none (with `projection_clip: 0` each window is one fused call)"""
    projection_clip: float = setting(3.0, low=0.0)
    """largest absolute value in a state; 0: none"""
    dropout: float = setting(0.1, low=0.0, high=1.0)
    """dropout of what each layer reads and of what is decoded"""

    def validate(self) -> str:
        """Return what is wrong with the filters, if anything."""
        if not self.widths or len(self.widths) != len(self.filters):
            return f".filters: one number for each of widths={self.widths} is needed, not {self.filters}"
        if max(self.widths) > self.max_characters:
            return f".widths: a filter of {max(self.widths)} is wider than max_characters={self.max_characters}"
        return ""


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
    glyph: GlyphModelConfig = setting(factory=GlyphModelConfig, omit_when=None)
    """settings of glyph"""
    super_characters: SuperCharactersModelConfig = setting(factory=SuperCharactersModelConfig, omit_when=None)
    """settings of super_characters"""
    rnn: RecurrentModelConfig = setting(factory=RecurrentModelConfig, omit_when=None)
    """settings of rnn"""
    lstm: RecurrentModelConfig = setting(factory=RecurrentModelConfig, omit_when=None)
    """settings of lstm"""
    awd_lstm: AwdLstmModelConfig = setting(factory=AwdLstmModelConfig, omit_when=None)
    """settings of awd_lstm"""
    bilstm_tagger: BilstmTaggerModelConfig = setting(factory=BilstmTaggerModelConfig, omit_when=None)
    """settings of bilstm_tagger"""
    elmo: ElmoModelConfig = setting(factory=ElmoModelConfig, omit_when=None)
    """settings of elmo"""
