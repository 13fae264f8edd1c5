"""The adapter between Hydra and `jptransfer.search`; Hydra's plugin scan imports it at every start, so it is light."""

# No postponed annotations here: Hydra's scan runs this module before it is in sys.modules, where dataclasses look.
import math
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from hydra.core.config_store import ConfigStore
from hydra.core.utils import JobReturn, JobStatus
from hydra.plugins.sweeper import Sweeper
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, OmegaConf

from jptransfer.errors import Unfinished, exhausted
from jptransfer.search.settings import SearchSettings

MOST_JOBS = 1000
"""Combinations of categories among which a job is looked for that reads a setting; of more, nothing is refused."""


@dataclass
class OptunaSweeperConfig(SearchSettings):
    """Settings of ``hydra/sweeper=optuna``, given as ``hydra.sweeper.<name>=…``."""

    _target_: str = "hydra_plugins.jpt_optuna_sweeper.sweeper.OptunaSweeper"


ConfigStore.instance().store(group="hydra/sweeper", name="optuna", node=OptunaSweeperConfig, provider="jptransfer")


class OptunaSweeper(Sweeper):
    """Lets Optuna choose the overrides of each job."""

    def __init__(self, **settings: Any) -> None:
        """Take the fields of `OptunaSweeperConfig`."""
        self.settings: OptunaSweeperConfig = OmegaConf.to_object(  # type: ignore[assignment]
            OmegaConf.merge(OmegaConf.structured(OptunaSweeperConfig), settings))
        self.hydra_context: HydraContext | None = None
        self.config: DictConfig | None = None
        self.launched = 0

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        """Take what Hydra hands every sweeper, and make the launcher."""
        from hydra.core.plugins import Plugins

        self.hydra_context, self.config = hydra_context, config
        self.launcher = Plugins.instance().instantiate_launcher(
            hydra_context=hydra_context, task_function=task_function, config=config)

    def sweep(self, arguments: list[str]) -> float | None:
        """Run the study and write ``optimization_results.yaml``.

        Returns:
            The best value; None if no trial was completed.
        """
        from jptransfer.commands.given import refuse_unread_in_sweep
        from jptransfer.search.space import categories, read_space
        from jptransfer.search.study import Search

        assert self.config is not None and self.hydra_context is not None
        given = [f"{key}={value}" for key, value in self.settings.params.items()]
        fixed, space = read_space([*given, *arguments], self.hydra_context.config_loader)
        jobs = [[*fixed, *one] for one in islice(categories(space), MOST_JOBS + 1)]
        if len(jobs) <= MOST_JOBS:
            refuse_unread_in_sweep(jobs, self.config, self.hydra_context.config_loader)
        folder = Path(self.config.hydra.sweep.dir)
        outputs = Path(OmegaConf.select(self.config, "outputs_root") or folder.parent)
        seed_setting = "seeds=[{}]" if "seeds" in self.config else "seed={}"
        summary = Search(self.settings, fixed, space, self._launch, outputs / "studies", seed_setting).run()
        folder.mkdir(parents=True, exist_ok=True)
        OmegaConf.save(OmegaConf.create(summary), folder / "optimization_results.yaml")
        return summary.get("best_value")

    def _launch(self, jobs: list[list[str]]) -> list[float | None]:
        """Run jobs and return their values, see `jptransfer.search.study.Launch`."""
        self.validate_batch_is_legal(jobs)
        results = self.launcher.launch(jobs, initial_job_idx=self.launched)
        self.launched += len(jobs)
        return [_value(result) for result in results]


def _value(result: JobReturn) -> float | None:
    """Return a job's value: NaN if it failed or has none, None if the machine could not finish it.

    Raises:
        Exception: the job could not even write down that the machine ran out of something.
    """
    returned = result._return_value
    if result.status is not JobStatus.COMPLETED:
        if exhausted(returned):
            raise returned
        return math.nan
    if isinstance(returned, Unfinished):
        return None
    return float(returned) if isinstance(returned, int | float) else math.nan
