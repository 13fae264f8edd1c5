"""Settings and registry row of reader `sst_trees`."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from jptransfer.registry import DATASETS


class SentimentScale(Enum):
    """The labels."""

    fine = "fine"
    binary = "binary"


@DATASETS.register("sst_trees", target="jptransfer.datasets.sst_trees:read")
@dataclass
class SstTreesConfig:
    """Stanford Sentiment Treebank: a labelled tree per line."""

    scale: SentimentScale = SentimentScale.binary
    """fine: very_negative, negative, neutral, positive, very_positive; binary: negative and positive, neutral ones are
    left out"""
    phrases: bool = False
    """also learn from the phrases inside the sentences of the training split, each distinct one once"""
