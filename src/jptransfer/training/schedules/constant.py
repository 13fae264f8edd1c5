"""Schedule `constant`."""

from __future__ import annotations

from jptransfer.config import ScheduleConfig
from jptransfer.registry import SCHEDULES
from jptransfer.training.schedules import Factors, warmup_steps


@SCHEDULES.register("constant", warmup=True)
def constant(step: int, steps: int, config: ScheduleConfig) -> Factors:
    """Warm up, then stay."""
    warmup = warmup_steps(config.warmup, steps)
    return Factors(step / warmup if step < warmup else 1.0)
