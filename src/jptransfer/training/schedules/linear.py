"""Schedule `linear`."""

from __future__ import annotations

from jptransfer.config import ScheduleConfig
from jptransfer.registry import SCHEDULES
from jptransfer.training.schedules import Factors, warmup_steps


@SCHEDULES.register("linear", warmup=True)
def linear(step: int, steps: int, config: ScheduleConfig) -> Factors:
    """Warm up, then fall linearly to zero at `steps`."""
    warmup = warmup_steps(config.warmup, steps)
    if step < warmup:
        return Factors(step / warmup)
    return Factors(max(0.0, (steps - step) / max(1, steps - warmup)))
