"""The study: ask Optuna for settings, launch them seed by seed, tell it what came out."""

from __future__ import annotations

import hashlib
import json
import logging
import math
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Any

import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.trial import FrozenTrial, Trial, TrialState

from jptransfer.errors import ConfigError, unknown
from jptransfer.search.samplers import NumberedSampler, tpe, uniform
from jptransfer.search.settings import SearchSettings
from jptransfer.search.space import grid
from jptransfer.search.storage import StudyPlace

log = logging.getLogger(__name__)
SAMPLERS = ("tpe", "random", "grid")
PRUNERS = ("none", "median")
FINISHED = (TrialState.COMPLETE, TrialState.PRUNED)
FAILED_BEFORE = "failed in concluded calls"
IDENTITY = "identity"
SCORES = "scores"
MACHINE = ("runtime.", "runtime=", "outputs_root=", "data_root=")
"""Fixed settings that do not change any value."""
Launch = Callable[[list[list[str]]], list[float | None]]
"""Runs jobs, each of them a list of overrides, and returns their values.

NaN stands for a job that failed, None for one that the machine could not finish (no disk, no memory).
"""


class Search:
    """One call of a search on one study, new or resumed."""

    def __init__(self, settings: SearchSettings, fixed: list[str], space: dict[str, BaseDistribution], launch: Launch,
                 studies: Path, seed_setting: str = "seed={}") -> None:
        """Prepare a search.

        Args:
            settings: see `SearchSettings`.
            fixed: overrides of every job.
            space: setting -> the values to choose from.
            launch: runs a batch of jobs, see `Launch`.
            studies: folder of studies that name no storage.
            seed_setting: the override that gives a job one of the seeds, with ``{}`` in its place.

        Raises:
            ConfigError: a seed is named twice; the study's name or storage cannot be used.
        """
        if len(set(settings.seeds)) < len(settings.seeds):
            raise ConfigError(f"hydra.sweeper.seeds={settings.seeds} names a seed twice")
        self.settings, self.fixed, self.space, self.launch = settings, fixed, space, launch
        self.seed_setting = seed_setting
        self.place = StudyPlace(settings.study_name or self._default_name(), settings.storage, studies)

    def run(self) -> dict[str, Any]:
        """Run trials until the study has `n_trials` finished ones; failed ones count for this call only.

        A call that was interrupted is continued: the trials it was running are run again under their numbers and with
        their values, and those that failed in it count. A trial that the machine could not finish ends the call and is
        left to the next one.

        Returns:
            The name of the study, the number of trials in each state, and best value and settings if there are any.
        """
        with self.place.hold():
            self.study = self._open()
            finished = self._run_trials()
            return self._conclude(finished)

    def _run_trials(self) -> bool:
        """Run trials until there are enough; False: the machine could not finish one."""
        left = self.study.get_trials(states=(TrialState.RUNNING,), deepcopy=False)
        todo = self._wanted() - len(self._counted())
        log.info("study %s: %d trials to run", self.study.study_name, max(todo, 0))
        while todo > 0:
            batch = self._next_batch(left, todo)
            if not self._run_batch(batch):
                return False
            todo -= len(batch)
        return True

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

    def _default_name(self) -> str:
        settings = self.settings
        space = {key: optuna.distributions.distribution_to_json(one) for key, one in self.space.items()}
        parts = [self._identity(), space, settings.direction, settings.sampler, settings.seed, settings.pruner]
        return f"study-{hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:12]}"

    def _identity(self) -> dict[str, list[str]]:
        """Return what the values of all trials of a study have in common besides the search space."""
        fixed = [one for one in self.fixed if not one.startswith(MACHINE)]
        return {"fixed settings": sorted(fixed), "seeds": [str(seed) for seed in self.settings.seeds]}

    def _open(self) -> optuna.Study:
        settings = self.settings
        _check("direction", settings.direction, ("maximize", "minimize"))
        sampler, pruner = make_sampler(settings), make_pruner(settings)
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        study = optuna.create_study(storage=self.place.open(), study_name=self.place.name, direction=settings.direction,
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

    def _run_batch(self, batch: list[Trial]) -> bool:
        """Run the trials' seeds one after another, each in one launch for all trials still alive.

        Returns:
            Whether all of them ended. The others keep their state, so that the next call resumes them.
        """
        unfinished: list[Trial] = []
        for step, seed in enumerate(self.settings.seeds or [None]):
            due = [trial for trial in batch if len(_scores(trial)) == step]  # others have this seed from before a kill
            values = list(zip(due, self._launch(due, seed), strict=True))
            unfinished += [trial for trial, value in values if value is None]
            ended = [trial for trial, value in values if value is None or not self._record(trial, value)]
            batch = [trial for trial in batch if trial not in ended and self._goes_on(trial, step)]
            if unfinished and step + 1 < len(self.settings.seeds):
                return False
        for trial in batch:
            self.study.tell(trial, _mean(_scores(trial)))
        return not unfinished

    def _launch(self, batch: list[Trial], seed: int | None) -> list[float | None]:
        seeding = [] if seed is None else [self.seed_setting.format(seed)]
        jobs = [[*self.fixed, *(f"{key}={trial.params[key]}" for key in self.space), *seeding] for trial in batch]
        return self.launch(jobs) if jobs else []

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

    def _conclude(self, finished: bool) -> dict[str, Any]:
        trials = self.study.get_trials(deepcopy=False)
        if finished:
            self.study.set_user_attr(FAILED_BEFORE, [one.number for one in trials if one.state is TrialState.FAIL])
        counts = {state.name.lower(): sum(trial.state is state for trial in trials) for state in TrialState}
        summary: dict[str, Any] = {"study": self.study.study_name, "trials": {k: n for k, n in counts.items() if n}}
        if counts["complete"]:
            best = self.study.best_value
            summary |= {"best_value": best, "best_params": dict(self.study.best_params)}
            log.info("best of %d trials: %s", len(trials), f"{best:.6g} with " + " ".join(
                f"{key}={value}" for key, value in self.study.best_params.items()))
        return summary


def make_sampler(settings: SearchSettings) -> optuna.samplers.BaseSampler:
    """Return the sampler by name.

    Optuna's own grid sampler ends a study from within, which asking and telling does not allow: points are queued here.
    """
    _check("sampler", settings.sampler, SAMPLERS)
    make = uniform if settings.sampler in ("random", "grid") else partial(tpe, parallel=settings.n_jobs > 1)
    return NumberedSampler(make, settings.seed)


def make_pruner(settings: SearchSettings) -> optuna.pruners.BasePruner:
    """Return the pruner by name."""
    _check("pruner", settings.pruner, PRUNERS)
    if settings.pruner == "none":
        return optuna.pruners.NopPruner()
    return optuna.pruners.MedianPruner(n_startup_trials=settings.warmup_trials)


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
