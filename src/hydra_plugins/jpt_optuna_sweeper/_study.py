"""The study: ask Optuna for settings, launch them seed by seed, tell it what came out."""

from __future__ import annotations

import hashlib
import json
import logging
import math
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import Any

import optuna
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.core.utils import JobReturn, JobStatus
from omegaconf import OmegaConf
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.trial import FrozenTrial, Trial, TrialState

from hydra_plugins.jpt_optuna_sweeper._sampler import NumberedSampler, tpe, uniform
from hydra_plugins.jpt_optuna_sweeper._space import distribution, grid
from hydra_plugins.jpt_optuna_sweeper._storage import StudyPlace
from hydra_plugins.jpt_optuna_sweeper.sweeper import OptunaSweeper, OptunaSweeperConfig
from jptransfer.errors import ConfigError, unknown

log = logging.getLogger(__name__)
SAMPLERS = ("tpe", "random", "grid")
PRUNERS = ("none", "median")
FINISHED = (TrialState.COMPLETE, TrialState.PRUNED)
FAILED_BEFORE = "failed in concluded calls"
IDENTITY = "identity"
SCORES = "scores"
MACHINE = ("runtime.", "runtime=", "outputs_root=", "data_root=")
"""Fixed settings that change no value."""


class Search:
    """One call of the sweeper on one study, new or resumed."""

    def __init__(self, sweeper: OptunaSweeper) -> None:
        assert sweeper.config is not None and sweeper.hydra_context is not None
        self.sweeper, self.settings, self.config = sweeper, sweeper.settings, sweeper.config
        self.loader = sweeper.hydra_context.config_loader
        self.launched = 0

    def run(self, arguments: list[str]) -> float | None:
        """Run trials until the study has `n_trials` finished ones; failed ones count for this call only.

        A call that was interrupted is continued: the trials it was running are run again under their numbers and with
        their values, and those that failed in it count.
        """
        fixed, self.space = self._read(arguments)
        self.fixed = [one.input_line for one in fixed]
        place = self._place()
        with place.hold():
            self.study = self._open(place)
            Path(self.config.hydra.sweep.dir).mkdir(parents=True, exist_ok=True)
            self._run_trials()
            return self._conclude()

    def _run_trials(self) -> None:
        left = self.study.get_trials(states=(TrialState.RUNNING,), deepcopy=False)
        todo = self._wanted() - len(self._counted())
        log.info("study %s: %d trials to run", self.study.study_name, max(todo, 0))
        while todo > 0:
            batch = self._next_batch(left, todo)
            self._run_batch(batch)
            todo -= len(batch)

    def _next_batch(self, left: list[FrozenTrial], todo: int) -> list[Trial]:
        """Return the next trials: those `left` by an interrupted call first.

        A batch ends with the batch of the interrupted call: filled up further, the new trials would know less than
        they would have known without the interruption.
        """
        jobs = self.settings.n_jobs
        batch = [self._resume(left.pop(0)) for _ in range(min(jobs, todo, len(left)))]
        while len(batch) < min(jobs, todo) and not (batch and len(self.study.get_trials(deepcopy=False)) % jobs == 0):
            batch.append(self.study.ask(self.space))
        return batch

    def _resume(self, left: FrozenTrial) -> Trial:
        """Return an interrupted trial; settings that it was not given yet are drawn as they would have been."""
        trial = Trial(self.study, left._trial_id)
        for key, one in self.space.items():
            suggest(trial, key, one)
        log.info("trial %d was interrupted and is run again", trial.number)
        return trial

    def _counted(self) -> list[FrozenTrial]:
        """Return the trials that count: finished ones, and those that failed in this call or the interrupted one."""
        failed = self.study.get_trials(states=(TrialState.FAIL,), deepcopy=False)
        before = self.study.user_attrs.get(FAILED_BEFORE, [])
        finished = self.study.get_trials(states=FINISHED, deepcopy=False)
        return finished + [trial for trial in failed if trial.number not in before]

    def _wanted(self) -> int:
        """Number of trials that are to count; a grid's points are queued and are all there is to do."""
        if self.settings.sampler != "grid":
            return self.settings.n_trials
        points = grid(self.space)
        waiting = self.study.get_trials(states=(TrialState.WAITING, TrialState.RUNNING), deepcopy=False)
        there = [trial.system_attrs.get("fixed_params") or trial.params for trial in [*self._counted(), *waiting]]
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

    def _place(self) -> StudyPlace:
        outputs = OmegaConf.select(self.config, "outputs_root") or Path(self.config.hydra.sweep.dir).parent
        return StudyPlace(self.settings.study_name or self._default_name(), self.settings.storage,
                          Path(outputs) / "studies")

    def _default_name(self) -> str:
        settings = self.settings
        space = {key: optuna.distributions.distribution_to_json(one) for key, one in self.space.items()}
        parts = [self._identity(), space, settings.direction, settings.sampler, settings.seed, settings.pruner]
        return f"study-{hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:12]}"

    def _identity(self) -> dict[str, list[str]]:
        """Return what the values of all trials of a study have in common besides the search space."""
        fixed = [one for one in self.fixed if not one.startswith(MACHINE)]
        return {"fixed settings": sorted(fixed), "seeds": [str(seed) for seed in self.settings.seeds]}

    def _open(self, place: StudyPlace) -> optuna.Study:
        settings = self.settings
        _check("direction", settings.direction, ("maximize", "minimize"))
        sampler, pruner = make_sampler(settings), make_pruner(settings)
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        study = optuna.create_study(storage=place.open(), study_name=place.name, direction=settings.direction,
                                    load_if_exists=True, sampler=sampler, pruner=pruner)
        self._check_same(study)
        study.set_user_attr(IDENTITY, self._identity())
        return study

    def _check_same(self, study: optuna.Study) -> None:
        """Raise `ConfigError` if the study's trials were run with another search space, direction or fixed settings."""
        other = f"study '{study.study_name}' was begun with other"
        advice = "give another hydra.sweeper.study_name"
        if study.direction.name.lower() != self.settings.direction:
            raise ConfigError(f"{other} direction: {study.direction.name.lower()}; {advice}")
        for trial in study.get_trials(deepcopy=False):
            for key, one in trial.distributions.items():
                if self.space.get(key) != one:
                    raise ConfigError(f"{other} values of {key}: {one}; {advice}")
            if missing := trial.state.is_finished() and trial.distributions and self.space.keys() - trial.distributions:
                raise ConfigError(f"{other} settings, without {', '.join(sorted(missing))}; {advice}")
        for what, begun in study.user_attrs.get(IDENTITY, {}).items():
            if begun != self._identity()[what]:
                raise ConfigError(f"{other} {what}: {' '.join(begun) or 'none'}; {advice}")

    def _run_batch(self, batch: list[Trial]) -> None:
        """Run the trials' seeds one after another, each in one launch for all trials still alive."""
        for step, seed in enumerate(self.settings.seeds or [None]):
            due = [trial for trial in batch if len(_scores(trial)) == step]  # others have this seed from before a kill
            failed = [trial for trial, result in zip(due, self._launch(due, seed), strict=True)
                      if not self._record(trial, score(result))]
            batch = [trial for trial in batch if trial not in failed and self._goes_on(trial, step)]
        for trial in batch:
            self.study.tell(trial, _mean(_scores(trial)))

    def _launch(self, batch: list[Trial], seed: int | None) -> list[JobReturn]:
        if not batch:
            return []
        seeding = [] if seed is None else [f"seeds=[{seed}]" if "seeds" in self.config else f"seed={seed}"]
        jobs = [[*self.fixed, *(f"{key}={trial.params[key]}" for key in self.space), *seeding] for trial in batch]
        self.sweeper.validate_batch_is_legal(jobs)
        results = self.sweeper.launcher.launch(jobs, initial_job_idx=self.launched)
        self.launched += len(jobs)
        return list(results)

    def _record(self, trial: Trial, value: float) -> bool:
        """Store the value of a seed; False if the trial failed."""
        if math.isnan(value):
            self.study.tell(trial, state=TrialState.FAIL)
            return False
        trial.set_user_attr(SCORES, [*_scores(trial), value])
        return True

    def _goes_on(self, trial: Trial, step: int) -> bool:
        """Report the mean so far, and prune a trial that is worse than others. Repeats nothing after a kill."""
        scores = _scores(trial)
        if step not in self.study.get_trials(deepcopy=False)[trial.number].intermediate_values:
            trial.report(_mean(scores[:step + 1]), step)
        if step + 1 == len(scores) < len(self.settings.seeds) and trial.should_prune():
            self.study.tell(trial, state=TrialState.PRUNED)
            return False
        return True

    def _conclude(self) -> float | None:
        trials = self.study.get_trials(deepcopy=False)
        self.study.set_user_attr(FAILED_BEFORE, [one.number for one in trials if one.state is TrialState.FAIL])
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


def make_sampler(settings: OptunaSweeperConfig) -> optuna.samplers.BaseSampler:
    """Return the sampler by name.

    Optuna's own grid sampler ends a study from within, which asking and telling does not allow: points are queued here.
    """
    _check("sampler", settings.sampler, SAMPLERS)
    make = uniform if settings.sampler in ("random", "grid") else partial(tpe, parallel=settings.n_jobs > 1)
    return NumberedSampler(make, settings.seed)


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


def suggest(trial: Trial, key: str, one: BaseDistribution) -> None:
    """Give a trial the value of a setting, unless it has one."""
    match one:
        case CategoricalDistribution():
            trial.suggest_categorical(key, one.choices)
        case IntDistribution():
            trial.suggest_int(key, one.low, one.high, step=one.step, log=one.log)
        case FloatDistribution():
            trial.suggest_float(key, one.low, one.high, step=one.step, log=one.log)


def _scores(trial: Trial) -> list[float]:
    """Return the values of the seeds that a trial was run with, in their order."""
    return list(trial.user_attrs.get(SCORES, ()))


def _mean(values: Iterable[float]) -> float:
    found = list(values)
    return sum(found) / len(found)


def _check(setting: str, value: str, known: Iterable[str]) -> None:
    if value not in known:
        raise ConfigError(f"hydra.sweeper.{setting}: {unknown(setting, value, known)}")
