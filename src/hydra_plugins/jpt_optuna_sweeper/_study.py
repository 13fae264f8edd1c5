"""The study: ask Optuna for settings, launch them seed by seed, tell it what came out."""

from __future__ import annotations

import hashlib
import json
import logging
import math
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import optuna
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.core.utils import JobReturn, JobStatus
from omegaconf import OmegaConf
from optuna.distributions import BaseDistribution
from optuna.trial import Trial, TrialState

from hydra_plugins.jpt_optuna_sweeper._space import distribution, grid
from hydra_plugins.jpt_optuna_sweeper.sweeper import OptunaSweeper, OptunaSweeperConfig
from jptransfer.errors import ConfigError, unknown

log = logging.getLogger(__name__)
SAMPLERS = ("tpe", "random", "grid")
PRUNERS = ("none", "median")
FINISHED = (TrialState.COMPLETE, TrialState.PRUNED)


class Search:
    """One call of the sweeper on one study, new or resumed."""

    def __init__(self, sweeper: OptunaSweeper) -> None:
        assert sweeper.config is not None and sweeper.hydra_context is not None
        self.sweeper, self.settings, self.config = sweeper, sweeper.settings, sweeper.config
        self.loader = sweeper.hydra_context.config_loader
        self.launched = 0

    def run(self, arguments: list[str]) -> float | None:
        """Run trials until the study has `n_trials` finished ones; failed ones count for this call only."""
        fixed, self.space = self._read(arguments)
        self.fixed = [one.input_line for one in fixed]
        self.study = self._open()
        Path(self.config.hydra.sweep.dir).mkdir(parents=True, exist_ok=True)
        todo = self._wanted() - len(self.study.get_trials(states=FINISHED, deepcopy=False))
        log.info("study %s: %d trials to run", self.study.study_name, max(todo, 0))
        while todo > 0:
            batch = [self.study.ask(self.space) for _ in range(min(todo, self.settings.n_jobs))]
            self._run_batch(batch)
            todo -= len(batch)
        return self._conclude()

    def _wanted(self) -> int:
        """Number of finished trials to reach; a grid's points are queued and are all there is to do."""
        if self.settings.sampler != "grid":
            return self.settings.n_trials
        points = grid(self.space)
        known = self.study.get_trials(states=(*FINISHED, TrialState.WAITING), deepcopy=False)
        there = [trial.params or trial.system_attrs.get("fixed_params") for trial in known]
        for point in points:
            if point not in there:
                self.study.enqueue_trial(point)
        return min(self.settings.n_trials, len(points))

    def _read(self, arguments: list[str]) -> tuple[list[Override], dict[str, BaseDistribution]]:
        """Separate the fixed overrides from the search space; the command line wins over `params`."""
        given = [f"{key}={value}" for key, value in self.settings.params.items()]
        parsed = OverridesParser.create(config_loader=self.loader).parse_overrides([*given, *arguments])
        last = {one.get_key_element(): one for one in parsed}
        fixed = [one for one in last.values() if not one.is_sweep_override()]
        space = {key: distribution(one) for key, one in last.items() if one.is_sweep_override()}
        if not space:
            raise ConfigError("nothing to search: give at least one setting as choice(..), range(..) or interval(..)")
        return fixed, space

    def _open(self) -> optuna.Study:
        settings = self.settings
        _check("direction", settings.direction, ("maximize", "minimize"))
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        name = settings.study_name or self._default_name()
        study = optuna.create_study(
            storage=self._storage(name), study_name=name, direction=settings.direction, load_if_exists=True,
            pruner=make_pruner(settings))
        study.sampler = make_sampler(settings, len(study.get_trials(deepcopy=False)))
        return study

    def _default_name(self) -> str:
        space = {key: optuna.distributions.distribution_to_json(one) for key, one in self.space.items()}
        parts = [sorted(self.fixed), space, self.settings.direction, self.settings.seeds]
        return f"study-{hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:12]}"

    def _storage(self, name: str) -> str | optuna.storages.JournalStorage:
        place = self.settings.storage
        if "://" in place:
            return place
        outputs = OmegaConf.select(self.config, "outputs_root") or Path(self.config.hydra.sweep.dir).parent
        file = Path(place) if place else Path(outputs) / "studies" / f"{name}.journal"
        file.parent.mkdir(parents=True, exist_ok=True)
        backend = optuna.storages.journal.JournalFileBackend(str(file))
        return optuna.storages.JournalStorage(backend)

    def _run_batch(self, batch: list[Trial]) -> None:
        """Run the trials' seeds one after another, each in one launch for all trials still alive."""
        values: dict[int, list[float]] = {trial.number: [] for trial in batch}
        for step, seed in enumerate(self.settings.seeds or [None]):
            results = self._launch(batch, seed)
            batch = [trial for trial, result in zip(batch, results, strict=True)
                     if self._goes_on(trial, step, score(result), values[trial.number])]
        for trial in batch:
            self.study.tell(trial, _mean(values[trial.number]))

    def _launch(self, batch: list[Trial], seed: int | None) -> list[JobReturn]:
        if not batch:
            return []
        seeding = [] if seed is None else [f"seeds=[{seed}]" if "seeds" in self.config else f"seed={seed}"]
        jobs = [[*self.fixed, *(f"{key}={value}" for key, value in trial.params.items()), *seeding] for trial in batch]
        self.sweeper.validate_batch_is_legal(jobs)
        results = self.sweeper.launcher.launch(jobs, initial_job_idx=self.launched)
        self.launched += len(jobs)
        return list(results)

    def _goes_on(self, trial: Trial, step: int, value: float, values: list[float]) -> bool:
        if math.isnan(value):
            self.study.tell(trial, state=TrialState.FAIL)
            return False
        values.append(value)
        trial.report(_mean(values), step)
        if step + 1 < len(self.settings.seeds) and trial.should_prune():
            self.study.tell(trial, state=TrialState.PRUNED)
            return False
        return True

    def _conclude(self) -> float | None:
        trials = self.study.get_trials(deepcopy=False)
        counts = {state.name.lower(): sum(trial.state is state for trial in trials) for state in TrialState}
        summary: dict[str, Any] = {"study": self.study.study_name, "trials": {k: n for k, n in counts.items() if n}}
        best = None
        if counts["complete"]:
            best = self.study.best_value
            summary |= {"best_value": best, "best_params": dict(self.study.best_params)}
            log.info("best of %d trials: %s", len(trials), f"{best:.6g} with " + " ".join(
                f"{key}={value}" for key, value in self.study.best_params.items()))
        OmegaConf.save(OmegaConf.create(summary), Path(self.config.hydra.sweep.dir) / "optimization_results.yaml")
        return best


def make_sampler(settings: OptunaSweeperConfig, seen: int) -> optuna.samplers.BaseSampler:
    """Return the sampler by name; its seed moves on with the trials `seen`, so that a resumed study repeats none.

    Optuna's own grid sampler ends a study from within, which asking and telling does not allow: points are queued here.
    """
    _check("sampler", settings.sampler, SAMPLERS)
    if settings.sampler in ("random", "grid"):
        return optuna.samplers.RandomSampler(seed=settings.seed + seen)
    return optuna.samplers.TPESampler(seed=settings.seed + seen, constant_liar=settings.n_jobs > 1)


def make_pruner(settings: OptunaSweeperConfig) -> optuna.pruners.BasePruner:
    """Return the pruner by name."""
    _check("pruner", settings.pruner, PRUNERS)
    if settings.pruner == "none":
        return optuna.pruners.NopPruner()
    return optuna.pruners.MedianPruner(n_startup_trials=settings.warmup_trials)


def score(result: JobReturn) -> float:
    """Return a job's value; NaN for a job that failed or returned none."""
    if result.status is not JobStatus.COMPLETED or not isinstance(result.return_value, int | float):
        return math.nan
    return float(result.return_value)


def _mean(values: Iterable[float]) -> float:
    found = list(values)
    return sum(found) / len(found)


def _check(setting: str, value: str, known: Iterable[str]) -> None:
    if value not in known:
        raise ConfigError(f"hydra.sweeper.{setting}: {unknown(setting, value, known)}")
