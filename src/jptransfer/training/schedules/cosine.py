"""Schedule `cosine`."""

from __future__ import annotations

from jptransfer.config import ScheduleConfig
from jptransfer.registry import SCHEDULES
from jptransfer.training.schedules import Factors, along_cosine, warmup_steps


@SCHEDULES.register("cosine", warmup=True)
def cosine(step: int, steps: int, config: ScheduleConfig) -> Factors:
    """Warm up, then fall along half a cosine to zero at `steps`."""
    warmup = warmup_steps(config.warmup, steps)
    if step < warmup:
        return Factors(step / warmup)
    return Factors(along_cosine(1.0, 0.0, (step - warmup) / max(1, steps - warmup)))
