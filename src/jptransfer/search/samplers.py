"""Samplers without a state of their own: a resumed study draws the values that an uninterrupted one draws."""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Callable
from typing import Any

import optuna
from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler, RandomSampler, TPESampler
from optuna.study import Study
from optuna.trial import FrozenTrial


class NumberedSampler(BaseSampler):
    """Draws the values of a trial from a seed, the trial's number and the study's trials, and from nothing else.

    Optuna's samplers carry the state of a random generator from trial to trial, which is lost with the process.
    """

    def __init__(self, make: Callable[[int], BaseSampler], seed: int) -> None:
        """Take what makes the sampler of one draw from its seed, and the seed of the whole search."""
        self._make, self._seed = make, seed

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        """Return the settings that are drawn together."""
        return self._draw(trial).infer_relative_search_space(study, trial)

    def sample_relative(self, study: Study, trial: FrozenTrial,
                        search_space: dict[str, BaseDistribution]) -> dict[str, Any]:
        """Draw the settings of `search_space` together."""
        return self._draw(trial).sample_relative(study, trial, search_space)

    def sample_independent(self, study: Study, trial: FrozenTrial, param_name: str,
                           param_distribution: BaseDistribution) -> Any:
        """Draw one setting; what was drawn before it in the same trial plays no part."""
        return self._draw(trial, param_name).sample_independent(study, trial, param_name, param_distribution)

    def _draw(self, trial: FrozenTrial, setting: str = "") -> BaseSampler:
        digest = hashlib.sha256(f"{self._seed}/{trial.number}/{setting}".encode()).digest()
        return self._make(int.from_bytes(digest[:4], "big"))


def tpe(seed: int, parallel: bool) -> BaseSampler:
    """Return a TPE sampler whose settings do not depend on the version of Optuna.

    Args:
        parallel: whether several trials run at a time; those that run are then avoided.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        return TPESampler(seed=seed, n_startup_trials=10, multivariate=True, group=False, constant_liar=parallel)


def uniform(seed: int) -> BaseSampler:
    """Return a sampler that draws every value of a setting with the same probability."""
    return RandomSampler(seed=seed)
