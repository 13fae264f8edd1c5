"""What all heads have in common."""

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
    """What a head makes of a batch.

    Attributes:
        logits: (batch, outputs) at sequence level, (batch, length, outputs) at token level.
        penalty: (batch,) a term of the loss beside that of the labels, if the head has one.
        chain: scores of the tags of all units of a text together, if the head decides so.
        places: (batch, units) where the units of `chain` stand.
        encoded: the states that the head read.
    """

    logits: Tensor
    penalty: Tensor | None = None
    chain: TagChain | None = None
    places: Tensor | None = None
    encoded: Encoded | None = None


class Head(Protocol):
    """A module that makes logits of an encoder's states; its class is called with settings, encoder and outputs.

    One that starts from more than chance has ``start_from(tokenizer)``, which returns what to tell of it.

    Attributes:
        level: what gets a row of scores.
        reads_first: whether it reads no state of the top layer but the first token's.
    """

    level: Level
    reads_first: bool

    def __init__(self, config: HeadConfig, encoder: PreTrainedConfig, outputs: int) -> None: ...

    def __call__(self, encoded: Encoded) -> HeadOutput:
        """Score a batch; padding must not change what is made of the tokens."""
