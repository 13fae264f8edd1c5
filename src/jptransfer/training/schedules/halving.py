"""Schedule `halving`."""

from __future__ import annotations

import math
from dataclasses import dataclass

from jptransfer.config import ScheduleConfig
from jptransfer.config.fields import setting
from jptransfer.registry import SCHEDULES
from jptransfer.training.schedules import Factors


@SCHEDULES.register("halving", target="halving")
@dataclass
class HalvingConfig:
    """A rate that is halved at equal distances (Zhang and LeCun 2017)."""

    every: float = setting(0.08, low=0.0)
    """between two halvings: below 1: share of all steps; from 1 on: steps"""
    times: int = setting(10, low=0)
    """halvings, after which the rate stays"""

    def validate(self) -> str:
        """Return what is wrong with the distance of halvings, if anything."""
        return "" if self.every else ".every: 0 is no distance; give a share of all steps, or steps"



def halving(step: int, steps: int, config: ScheduleConfig) -> Factors:
    """Halve the rate each time `every` updates were made, `times` at most (Zhang and LeCun 2017, their code)."""
    shape = config.halving
    every = shape.every * steps if shape.every < 1 else math.floor(shape.every)
    return Factors(0.5 ** min(shape.times, math.floor(step / every + 1e-9)))
