"""Share of the tokens that a language model predicts, counted before the first update: too few are an error.

Words that exceed a sequence's budget are never masked (Devlin et al.), so the share of masked tokens can be far below
`mask_rate`, and even 0.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from jptransfer.config import ObjectiveConfig
from jptransfer.config.objectives import chosen
from jptransfer.errors import ConfigError

if TYPE_CHECKING:
    from jptransfer.training.types import LanguageData

BATCHES = 20
"""Number of global batches that are counted, spread evenly over the first epoch."""
LEAST = 0.5
"""Minimum ratio of actual to requested predictions."""


@dataclass(frozen=True)
class Predictions:
    """Counts over examples: tokens of text, predictions requested by the settings, actual predictions."""

    tokens: float = 0.0
    asked: float = 0.0
    made: float = 0.0

    def __add__(self, other: Predictions) -> Predictions:
        return Predictions(self.tokens + other.tokens, self.asked + other.asked, self.made + other.made)

    def describe(self) -> dict[str, float]:
        """Return the shares of tokens that are predicted and that the settings request."""
        tokens = max(1.0, self.tokens)
        return {"predicted_share": float(self.made / tokens), "asked_share": float(self.asked / tokens)}


def count_predictions(data: LanguageData) -> Predictions:
    """Count the predictions in a sample of the first epoch."""
    batches = data.batches(0)
    chosen = np.unique(np.linspace(0, len(batches) - 1, min(BATCHES, len(batches))).round().astype(int))
    parts = (part for number in chosen.tolist() for part in batches[number])
    return sum((data.predictions(part, 0) for part in parts), Predictions())


def check_predictions(found: Predictions, config: ObjectiveConfig) -> None:
    """Reject an objective that predicts nothing, or far less than its settings request.

    Raises:
        ConfigError: the ratio of actual to requested predictions is below `LEAST`.
    """
    if found.tokens and found.made < LEAST * max(found.asked, 1.0):
        shares = found.describe()
        raise ConfigError(f"objective.name={config.name}: {shares['predicted_share']:.2%} of the tokens would be "
                          f"predicted, the settings ask for {shares['asked_share']:.2%}: {chosen(config).cure()}")
