"""Interface of all heads."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from torch import Tensor
from transformers import PreTrainedConfig

from jptransfer.config import HeadConfig
from jptransfer.models.encoder import Encoded
from jptransfer.models.layers.linear_chain import TagChain
from jptransfer.tasks.base import Level


@dataclass(frozen=True)
class HeadOutput:
    """Output of a head for a batch.

    Attributes:
        logits: (batch, outputs) at sequence level, (batch, length, outputs) at token level.
        penalty: (batch,) additional term of the loss, if the head has one.
        chain: scores of whole tag sequences, if the head decides the tags of a text jointly.
        places: (batch, units) positions of the units of `chain`.
        encoded: the states that the head read.
    """

    logits: Tensor
    penalty: Tensor | None = None
    chain: TagChain | None = None
    places: Tensor | None = None
    encoded: Encoded | None = None


class Head(Protocol):
    """A module that maps an encoder's states to logits; its class is called with settings, encoder and outputs.

    A head that is not only initialised at random has ``start_from(tokenizer)``, which returns statistics to report.

    Attributes:
        level: whether a sequence or a token gets a row of scores.
        reads_first: whether the head reads only the first token's state of the top layer.
    """

    level: Level
    reads_first: bool

    def __init__(self, config: HeadConfig, encoder: PreTrainedConfig, outputs: int) -> None: ...

    def __call__(self, encoded: Encoded) -> HeadOutput:
        """Score a batch; padding must not change the scores of the tokens."""
