"""What Hydra's plugin scan imports at every start: the settings and a sweeper that loads Optuna only when it sweeps."""

# No postponed annotations here: Hydra's scan runs this module before it is in sys.modules, where dataclasses look.
from dataclasses import dataclass, field
from typing import Any

from hydra.core.config_store import ConfigStore
from hydra.plugins.sweeper import Sweeper
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, OmegaConf


@dataclass
class OptunaSweeperConfig:
    """Settings of ``hydra/sweeper=optuna``, given as ``hydra.sweeper.<name>=…``."""

    _target_: str = "hydra_plugins.jpt_optuna_sweeper.sweeper.OptunaSweeper"
    direction: str = "maximize"
    """maximize or minimize the value that a job returns (jpt: the main metric on the validation split)"""
    n_trials: int = 20
    """finished trials the study has in the end, those of earlier calls included; an interrupted call is continued"""
    n_jobs: int = 1
    """trials handed to the launcher at a time"""
    sampler: str = "tpe"
    """tpe, random or grid"""
    seed: int = 0
    """seed of the sampler; the values of a trial follow from it, the trial's number and the earlier trials"""
    pruner: str = "none"
    """none, or median: stop a trial whose mean over its first seeds is worse than the median of the others'"""
    warmup_trials: int = 5
    """trials that must have finished before any is pruned"""
    seeds: list[int] = field(default_factory=list)
    """seeds that every trial is run with, one after another (setting `seeds`, else `seed`); empty: one run a trial"""
    study_name: str = ""
    """empty: from the fixed overrides, the search space and the settings, so that the same command line resumes;
    a study of this name that was begun with another search space or other fixed settings is refused"""
    storage: str = ""
    """Optuna URL (sqlite:///F) or journal file; empty: a journal in the folder `studies` of the outputs"""
    params: dict[str, Any] = field(default_factory=dict)
    """search space beside the command line's: setting -> choice(..), range(..), interval(..), tag(log, interval(..))"""


ConfigStore.instance().store(group="hydra/sweeper", name="optuna", node=OptunaSweeperConfig, provider="jptransfer")


class OptunaSweeper(Sweeper):
    """Lets Optuna choose the overrides of each job."""

    def __init__(self, **settings: Any) -> None:
        """Take the fields of `OptunaSweeperConfig`."""
        self.settings: OptunaSweeperConfig = OmegaConf.to_object(  # type: ignore[assignment]
            OmegaConf.merge(OmegaConf.structured(OptunaSweeperConfig), settings))
        self.hydra_context: HydraContext | None = None
        self.config: DictConfig | None = None

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        """Take what Hydra hands every sweeper, and make the launcher."""
        from hydra.core.plugins import Plugins

        self.hydra_context, self.config = hydra_context, config
        self.launcher = Plugins.instance().instantiate_launcher(
            hydra_context=hydra_context, task_function=task_function, config=config)

    def sweep(self, arguments: list[str]) -> float | None:
        """Run the study; return its best value, None if no trial was completed."""
        from hydra_plugins.jpt_optuna_sweeper._study import Search

        return Search(self).run(arguments)
