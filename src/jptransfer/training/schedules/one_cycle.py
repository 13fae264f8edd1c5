"""Schedule `one_cycle`."""

from __future__ import annotations

from dataclasses import dataclass

from jptransfer.config import ScheduleConfig
from jptransfer.config.fields import setting
from jptransfer.registry import SCHEDULES
from jptransfer.training.schedules import Factors, along_cosine


@SCHEDULES.register("one_cycle", target="one_cycle")
@dataclass
class OneCycleConfig:
    """One cycle of rate and momentum, both phases along half a cosine (Smith 2018)."""

    rise: float = setting(0.3, low=0.0, high=1.0)
    """share of the updates in which the rate rises"""
    div: float = setting(25.0, low=1.0)
    """the first rate is the peak divided by this"""
    final_div: float = setting(250000.0, low=1.0)
    """the last rate is the peak divided by this"""
    momentum: list[float] = setting(factory=lambda: [0.95, 0.85])
    """the optimiser's first decay rate at the ends and at the peak; empty: it stays as it is"""

    def validate(self) -> str:
        """Return what is wrong with the momentum, if anything."""
        if len(self.momentum) in (0, 2) and all(0 <= value < 1 for value in self.momentum):
            return ""
        return f".momentum: two numbers from 0 to below 1 are needed, or none, not {self.momentum}"



def one_cycle(step: int, steps: int, config: ScheduleConfig) -> Factors:
    """Rise from 1 / `div` along half a cosine, then fall along another to 1 / `final_div` at the last update."""
    shape = config.one_cycle
    peak, last = max(0.0, shape.rise * steps - 1), steps - 1
    rising = step <= peak and peak > 0
    share = step / peak if rising else (step - peak) / max(1e-9, last - peak)
    rate = along_cosine(1 / shape.div, 1.0, share) if rising else along_cosine(1.0, 1 / shape.final_div, share)
    if not shape.momentum:
        return Factors(rate)
    ends, middle = shape.momentum
    return Factors(rate, along_cosine(ends, middle, share) if rising else along_cosine(middle, ends, share))
