"""Schedule `bert_linear`."""

from __future__ import annotations

import math

from jptransfer.config import ScheduleConfig
from jptransfer.registry import SCHEDULES
from jptransfer.training.schedules import Factors


@SCHEDULES.register("bert_linear", warmup=True)
def bert_linear(step: int, steps: int, config: ScheduleConfig) -> Factors:
    """Fall linearly to zero over all `steps`, with a warm-up in place of the first updates (BERT's own code).

    The fall is counted from the first update: after a warm-up of a tenth the factor is .9, not 1. A share of all steps
    is rounded down, as in BERT's fine-tuning.
    """
    warmup = math.floor(config.warmup * steps + 1e-9) if config.warmup < 1 else int(config.warmup)
    return Factors(step / warmup if step < warmup else max(0.0, (steps - step) / steps))
