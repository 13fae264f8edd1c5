"""Settings that all heads have; each registered head adds a section of its own."""

from __future__ import annotations

from dataclasses import dataclass

from jptransfer.config.fields import setting
from jptransfer.registration import WithMembers
from jptransfer.registry import HEADS


@HEADS.sections("name")
@dataclass
class HeadConfig(WithMembers):
    """What stands on an encoder; only the section of the head's own name counts."""

    name: str = setting("", registry="heads")
    """see `jpt ls heads`; empty: the architecture's own (BERT: first token through dense and tanh)"""
    dropout: float = setting(0.1, low=0.0, high=1.0)
    """dropout before the last linear layer (bcn: of the pooled states)"""
    scalar_mix: bool | None = setting(None, omit_when=None)
    """read a learnt weighted sum of all layers in place of the top one; null: as the encoder has it (elmo: yes)"""
