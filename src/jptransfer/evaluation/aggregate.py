"""Several runs of one configuration as one number: mean, standard deviation, trimmed mean."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Aggregate:
    """Scores of runs that differ in their seed alone.

    Attributes:
        values: the score of each run.
        mean: their mean.
        std: their standard deviation (n - 1); 0 for a single run.
        trimmed: mean without the best and the worst run, None for fewer than three. Five seeds give the mean of three.
    """

    values: tuple[float, ...]
    mean: float
    std: float
    trimmed: float | None

    def __str__(self) -> str:
        """Mean, and for several runs ± standard deviation and range."""
        spread = ""
        if len(self.values) > 1:
            spread = f" ± {self.std:.4f} ({len(self.values)} seeds, {min(self.values):.4f} to {max(self.values):.4f})"
        return f"{self.mean:.4f}{spread}"


def aggregate(values: Sequence[float]) -> Aggregate:
    """Summarise the scores of at least one run."""
    kept = sorted(values)[1:-1]
    return Aggregate(
        values=tuple(values),
        mean=statistics.fmean(values),
        std=statistics.stdev(values) if len(values) > 1 else 0.0,
        trimmed=statistics.fmean(kept) if kept else None,
    )
