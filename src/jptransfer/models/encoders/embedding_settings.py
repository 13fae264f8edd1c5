"""Settings and registry row of architecture `embedding`."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from jptransfer.config.fields import setting
from jptransfer.registry import MODELS


class Vectors(Enum):
    """Initial values of token vectors, and whether they are trained (Kim 2014, section 3.1)."""

    rand = "rand"
    static = "static"
    non_static = "non_static"
    multichannel = "multichannel"


class Initial(Enum):
    """Distribution of random vectors."""

    uniform = "uniform"
    normal = "normal"


@MODELS.register("embedding", target="jptransfer.models.encoders.embedding:configuration",
                 groups=("embeddings",), version=2)
@dataclass
class EmbeddingModelConfig:
    """Token vectors, random or from a file."""

    width: int = setting(300, low=1)
    """width of a vector"""
    vectors: str = setting("", external=True)
    """file of word vectors (word2vec, fastText's .vec, Polyglot's pickle; also compressed); other tokens are random"""
    mode: Vectors = Vectors.rand
    """rand: random, trained; with `vectors`: static (frozen), non_static (trained), multichannel (sum of both)"""
    initial: Initial = setting(Initial.uniform, omit_when=Initial.uniform)
    """random vectors: uniform, U(-.25, .25) (Kim 2014), or normal, N(0, sqrt(1 / width)) (Zhang and LeCun 2017)"""

    def validate(self) -> str:
        """Return what is wrong with mode and file together, if anything."""
        if self.mode is Vectors.rand and self.vectors:
            return ".mode=rand uses no vectors; it must be static, non_static or multichannel"
        if self.mode is not Vectors.rand and not self.vectors:
            return f".vectors is required with mode={self.mode.value}: a file of word vectors"
        return ""
