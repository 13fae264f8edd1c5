"""Settings and registry row of objective `bilm`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from jptransfer.config.fields import setting
from jptransfer.config.objectives import ObjectiveSettings
from jptransfer.registry import OBJECTIVES


@OBJECTIVES.register("bilm", target="jptransfer.objectives.bilm:BidirectionalLanguageModel")
@dataclass
class BilmConfig(ObjectiveSettings):
    """The next word and the previous one, in parallel streams."""

    auto_class: ClassVar[str] = "AutoModelForPreTraining"
    samples: int = setting(8192, low=0)
    """number of words sampled from a log-uniform distribution; with those of the batch they estimate the normaliser of
    the softmax in training; 0: use all words"""
