"""Settings of frozen features: a text as one vector of an encoder that is not trained further."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from enum import Enum

from jptransfer.config.fields import setting
from jptransfer.config.finetuning import TruncationSide


class Pooling(Enum):
    """How a text's states are reduced to one vector."""

    first = "first"
    last = "last"
    mean = "mean"
    max = "max"
    concat = "concat"


class States(Enum):
    """Which states of an LSTM an encoder returns."""

    hidden = "hidden"
    cell = "cell"
    tanh_cell = "tanh_cell"


class Pairs(Enum):
    """How the features of a pair of texts are made."""

    joint = "joint"
    compare = "compare"


@dataclass
class FeaturesConfig:
    """A text as one vector: the states of an encoder, pooled."""

    pooling: Pooling | None = None
    """first: first token; last: last token in reading order; mean, max: over all states; concat: last, max and mean;
    null: last for causal language models, mean for others"""
    states: States | None = None
    """byte_lstm, multiplicative_lstm: hidden states, cells, or their hyperbolic tangent (tanh_cell); null: tanh_cell
    where there are cells, as Radford et al. (2017) have it (their released code leaves out tanh)"""
    max_length: int | None = setting(None, low=8)
    """longest text in tokens; longer texts are cut; null: as many as the encoder has positions for"""
    truncation_side: TruncationSide = TruncationSide.right
    """the first or the last tokens of a longer text"""
    pairs: Pairs = setting(Pairs.joint, omit_when=Pairs.joint)
    """pairs of texts, as u and v. joint: the encoder reads them as one input; compare: it reads each alone, and the
    features are |u - v| and u * v (Kiros et al. 2015, Radford et al. 2017)"""
    bptt: int = setting(256, low=1)
    """encoders that carry a state: tokens that are read at a time, so that long texts take no more memory"""

    @property
    def limit(self) -> int:
        """Most tokens of a text."""
        return self.max_length or sys.maxsize
