"""Optimizer `bert_adam`; its class is in `training.bert_adam`, which needs torch."""

from __future__ import annotations

from dataclasses import dataclass

from jptransfer.registry import OPTIMIZERS
from jptransfer.training.optimizers import MomentsConfig


@OPTIMIZERS.register("bert_adam", target="jptransfer.training.bert_adam:BertAdam")
@dataclass
class BertAdamConfig(MomentsConfig):
    """BERT's own Adam: no bias correction, decoupled decay."""
