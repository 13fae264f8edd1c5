"""Learning rates over time: pure functions from the number of updates made to a factor of the peak rate.

Those with warm-up rise linearly from 0. `linear`, `cosine` and `constant` agree with transformers' schedules of those
names, `bert_linear` with BERT's own code, `one_cycle` with PyTorch's (tests hold this).
"""

from __future__ import annotations

import math
from typing import NamedTuple

from jptransfer.config import ScheduleConfig
from jptransfer.registry import SCHEDULES


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


def halving(step: int, steps: int, config: ScheduleConfig) -> Factors:
    """Halve the rate each time `every` updates were made, `times` at most (Zhang and LeCun 2017, their code)."""
    shape = config.halving
    every = shape.every * steps if shape.every < 1 else math.floor(shape.every)
    return Factors(0.5 ** min(shape.times, math.floor(step / every + 1e-9)))


def linear(step: int, steps: int, config: ScheduleConfig) -> Factors:
    """Warm up, then fall linearly to zero at `steps`."""
    warmup = warmup_steps(config.warmup, steps)
    if step < warmup:
        return Factors(step / warmup)
    return Factors(max(0.0, (steps - step) / max(1, steps - warmup)))


def bert_linear(step: int, steps: int, config: ScheduleConfig) -> Factors:
    """Fall linearly to zero over all `steps`, with a warm-up in place of the first updates (BERT's own code).

    The fall is counted from the first update: after a warm-up of a tenth the factor is .9, not 1. A share of all steps
    is rounded down, as in BERT's fine-tuning.
    """
    warmup = math.floor(config.warmup * steps + 1e-9) if config.warmup < 1 else int(config.warmup)
    return Factors(step / warmup if step < warmup else max(0.0, (steps - step) / steps))


def cosine(step: int, steps: int, config: ScheduleConfig) -> Factors:
    """Warm up, then fall along half a cosine to zero at `steps`."""
    warmup = warmup_steps(config.warmup, steps)
    if step < warmup:
        return Factors(step / warmup)
    return Factors(_between(1.0, 0.0, (step - warmup) / max(1, steps - warmup)))


def constant(step: int, steps: int, config: ScheduleConfig) -> Factors:
    """Warm up, then stay."""
    warmup = warmup_steps(config.warmup, steps)
    return Factors(step / warmup if step < warmup else 1.0)


def slanted_triangular(step: int, steps: int, config: ScheduleConfig) -> Factors:
    """Rise linearly in the first `cut` of the updates, then fall linearly (Howard and Ruder 2018, equation 3)."""
    shape = config.slanted_triangular
    cut = math.floor(steps * shape.cut)
    share = step / cut if step < cut else (steps - step) / max(1, steps - cut)
    return Factors((1 + share * (shape.ratio - 1)) / shape.ratio)


def one_cycle(step: int, steps: int, config: ScheduleConfig) -> Factors:
    """Rise from 1 / `div` along half a cosine, then fall along another to 1 / `final_div` at the last update."""
    shape = config.one_cycle
    peak, last = max(0.0, shape.rise * steps - 1), steps - 1
    rising = step <= peak and peak > 0
    share = step / peak if rising else (step - peak) / max(1e-9, last - peak)
    rate = _between(1 / shape.div, 1.0, share) if rising else _between(1.0, 1 / shape.final_div, share)
    if not shape.momentum:
        return Factors(rate)
    ends, middle = shape.momentum
    return Factors(rate, _between(ends, middle, share) if rising else _between(middle, ends, share))


def _between(start: float, end: float, share: float) -> float:
    """Return the value at `share` of the way from `start` to `end` along half a cosine."""
    return end + (start - end) * 0.5 * (1 + math.cos(math.pi * min(1.0, share)))
