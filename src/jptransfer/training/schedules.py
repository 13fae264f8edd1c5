"""Learning rates over time: pure functions from the number of updates made to a factor of the peak rate.

All warm up linearly from 0 and agree with transformers' schedules of the same names (tests hold this).
"""

from __future__ import annotations

import math


def warmup_steps(warmup: float, steps: int) -> int:
    """Return the updates of warm-up: a share of all `steps` below 1, a number from 1 on."""
    return math.ceil(warmup * steps) if warmup < 1 else int(warmup)


def linear(step: int, warmup: int, steps: int) -> float:
    """Warm up, then fall linearly to zero at `steps`."""
    if step < warmup:
        return step / warmup
    return max(0.0, (steps - step) / max(1, steps - warmup))


def cosine(step: int, warmup: int, steps: int) -> float:
    """Warm up, then fall along half a cosine to zero at `steps`."""
    if step < warmup:
        return step / warmup
    return 0.5 * (1 + math.cos(math.pi * min(1.0, (step - warmup) / max(1, steps - warmup))))


def constant(step: int, warmup: int, steps: int) -> float:
    """Warm up, then stay."""
    return step / warmup if step < warmup else 1.0
