"""Settings and registry row of objective `bilm`."""

from __future__ import annotations

from dataclasses import dataclass

from jptransfer.config.fields import setting
from jptransfer.registry import OBJECTIVES


@OBJECTIVES.register("bilm", target="jptransfer.objectives.bilm:BidirectionalLanguageModel")
@dataclass
class BilmConfig:
    """The next word and the previous one, in parallel streams."""

    samples: int = setting(8192, low=0)
    """words drawn by a log-uniform law, by which, with those of the batch, the normaliser of the softmax is estimated
    in training; 0: over all words"""
