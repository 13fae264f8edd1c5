"""Settings and registry row of probe `sentiment_unit`."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from jptransfer.config.fields import setting
from jptransfer.registry import PROBES


class RankBy(Enum):
    """What makes a unit the best one."""

    weight = "weight"
    accuracy = "accuracy"


@PROBES.register("sentiment_unit", target="jptransfer.probes.sentiment_unit:sentiment_unit",
                 needs=("dataset", "features"))
@dataclass
class SentimentUnitConfig:
    """Search for the single unit that tells two classes apart (Radford et al. 2017, section 4)."""

    labels: list[str] = setting(factory=list)
    """the negative and the positive label; texts of other labels are left out; empty: the task's two labels in order"""
    rank_by: RankBy = RankBy.weight
    """weight: share in the weights of an L1-regularised logistic regression; accuracy: of the unit alone, on training
    texts"""
    c: list[float] = setting(factory=lambda: [2.0 ** power for power in range(-8, 1)])
    """inverse strengths of L1 to choose from, on the validation split"""
    top: int = setting(10, low=1)
    """units that are listed"""
    bins: int = setting(60, low=2)
    """bars of the histogram"""

    def validate(self) -> str:
        """Return what is wrong with labels or strengths, if anything."""
        if self.labels and len(set(self.labels)) != 2:
            return ".labels: two labels are needed, the negative one first"
        return "" if self.c and min(self.c) > 0 else ".c: one positive number or more is needed"
