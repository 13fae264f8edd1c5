"""Schedule `slanted_triangular`."""

from __future__ import annotations

import math
from dataclasses import dataclass

from jptransfer.config import ScheduleConfig
from jptransfer.config.fields import setting
from jptransfer.registry import SCHEDULES
from jptransfer.training.schedules import Factors


@SCHEDULES.register("slanted_triangular", target="slanted_triangular")
@dataclass
class SlantedTriangularConfig:
    """A short rise, then a long linear decay (ULMFiT; Howard and Ruder 2018, section 3.2, equation 3)."""

    cut: float = setting(0.1, low=0.0, high=1.0)
    """share of the updates in which the rate rises"""
    ratio: float = setting(32.0, low=1.0)
    """the lowest rate is the peak divided by this"""



def slanted_triangular(step: int, steps: int, config: ScheduleConfig) -> Factors:
    """Rise linearly in the first `cut` of the updates, then fall linearly (Howard and Ruder 2018, equation 3)."""
    shape = config.slanted_triangular
    cut = math.floor(steps * shape.cut)
    share = step / cut if step < cut else (steps - step) / max(1, steps - cut)
    return Factors((1 + share * (shape.ratio - 1)) / shape.ratio)
