"""The settings of a search. Hydra imports them at every start: nothing heavy is imported here."""

# No postponed annotations here: Hydra's scan runs the plugin before it is in sys.modules, where dataclasses look.
from dataclasses import dataclass, field
from typing import Any


@dataclass
class SearchSettings:
    """Settings of ``hydra/sweeper=optuna``, given as ``hydra.sweeper.<name>=…``."""

    direction: str = "maximize"
    """maximize or minimize the value that a job returns (jpt: the main metric on the validation split)"""
    n_trials: int = 20
    """finished trials that the study has in the end, including those of earlier calls"""
    n_jobs: int = 1
    """trials handed to the launcher at a time"""
    sampler: str = "tpe"
    """tpe, random or grid"""
    seed: int = 0
    """seed of the sampler; a trial's values depend on it, on the trial's number and on the earlier trials"""
    pruner: str = "none"
    """none, or median: stop a trial whose mean over its first seeds is worse than the median of the others"""
    warmup_trials: int = 5
    """trials that must have finished before any is pruned"""
    seeds: list[int] = field(default_factory=list)
    """seeds that every trial is run with, one after another (setting `seeds`, else `seed`); empty: one run per trial"""
    study_name: str = ""
    """empty: derived from the fixed overrides, the search space and the settings, so that the same command resumes;
    a study of this name with another search space or other fixed settings is refused"""
    storage: str = ""
    """Optuna URL (sqlite:///FILE) or journal file; empty: a journal in the folder `studies` of the outputs"""
    params: dict[str, Any] = field(default_factory=dict)
    """search space beside the command line's: setting -> choice(..), range(..), interval(..), tag(log, interval(..))"""
