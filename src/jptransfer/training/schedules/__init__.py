"""Learning rates over time: pure functions from the number of updates made to a factor of the peak rate.

Each file holds one schedule: its settings, its row in the registry `schedules` and the function. Those with warm-up
rise linearly from 0. `linear`, `cosine` and `constant` agree with transformers' schedules of those names, `bert_linear`
with BERT's own code, `one_cycle` with PyTorch's (tests hold this).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

from jptransfer.registry import SCHEDULES

if TYPE_CHECKING:
    from jptransfer.config import ScheduleConfig


class Factors(NamedTuple):
    """What an update is made with: a factor of the peak rate, and the optimiser's first decay rate if it moves."""

    rate: float
    momentum: float | None = None


def warmup_steps(warmup: float, steps: int) -> int:
    """Return the updates of warm-up: a share of all `steps` below 1, a number from 1 on."""
    return math.ceil(warmup * steps) if warmup < 1 else int(warmup)


NOTHING_LEARNT = ("the learning rate of all {} updates is 0 (schedule.warmup), so nothing is learnt; "
                  "train longer or without warm-up")


def learns(steps: int, config: ScheduleConfig) -> bool:
    """Tell whether any of `steps` updates has a learning rate above 0: a single update may be all warm-up."""
    schedule = SCHEDULES.load(config.name)
    return any(schedule(step, steps, config).rate for step in range(steps))


def along_cosine(start: float, end: float, share: float) -> float:
    """Return the value at `share` of the way from `start` to `end` along half a cosine."""
    return end + (start - end) * 0.5 * (1 + math.cos(math.pi * min(1.0, share)))
