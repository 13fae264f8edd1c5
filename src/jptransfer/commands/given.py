"""Settings that a user gave, and the refusal of those that nothing reads.

Presets may set sections of several members of a family, of which one is chosen. What is typed, or stands in an
experiment's file or in a row, is meant to have an effect: it is refused if none of the runs that it is for reads it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from functools import partial
from itertools import chain
from typing import Any

from hydra.core.config_loader import ConfigLoader
from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf, flag_override

from jptransfer.commands.compose import Composer, typed
from jptransfer.commands.words import hydra_override
from jptransfer.config import Config
from jptransfer.errors import ConfigError
from jptransfer.pipeline import Run
from jptransfer.pipeline.graph import presets_of
from jptransfer.pipeline.unread import depends_on_choices, unread

EXPERIMENT = "experiment"
"""Group of the files that describe an experiment; files of other groups are presets."""


def refuse_unread(config: Config, runs: Sequence[Run]) -> None:
    """Raise `ConfigError` for the first given setting that no run reads, or, of a row's own, that its runs do not.

    In a sweep nothing is refused here: another job may have chosen otherwise, see `jpt_sweeper`.
    """
    hydra = HydraConfig.get()
    if hydra.mode == RunMode.MULTIRUN:
        return
    everybody = _configs(runs)
    check(paths_of(hydra.overrides.task), everybody)
    chosen = [one.partition("=")[2] for one in hydra.overrides.task if one.startswith(f"+{EXPERIMENT}=")]
    names = [name for one in chosen for name in re.findall(r"[^\[\]'\", ]+", one)]
    for name in names:
        # Choices on the command line may leave a file's settings without a reader: it need not be edited for that.
        check(_paths_in_file(name), lambda: chain(everybody(), _experiment(names)), f"{EXPERIMENT}={name}: ")
    for run in {run.row: run for run in runs}.values():
        row = f"rows.{run.row}: " if config.rows else ""
        check(paths_of(config.rows.get(run.row, [])), _configs([run]), row)
        for where, overrides, made in _taken_in(run):
            check(paths_of(overrides), partial(iter, [made]), f"{row}{where}: ")


def refuse_unread_in_sweep(jobs: Sequence[Sequence[str]], master: DictConfig, loader: ConfigLoader) -> None:
    """Raise `ConfigError` for the first setting that no job of a sweep reads of those that it is given to.

    Args:
        jobs: overrides of each job.
        master: the configuration of the sweep.
        loader: what composes that of a job.
    """
    words = {word for job in jobs for word in job}
    paths = {word: [path for path in paths_of([word]) if depends_on_choices(path)] for word in words}
    given: dict[str, list[int]] = {}
    for number, job in enumerate(jobs):
        for path in (path for word in job for path in paths[word]):
            given.setdefault(path, []).append(number)
    made: dict[int, Config | None] = {}

    def configs(numbers: list[int]) -> Iterator[Config | None]:
        for number in numbers:
            if number not in made:
                made[number] = _alone(loader.load_sweep_config(master, list(jobs[number])))
            yield made[number]

    for path, numbers in given.items():
        check([path], partial(configs, numbers))


def _alone(composed: DictConfig) -> Config | None:
    """Return the configuration of a job; None if it is wrong, as the job will say, or not the only one of the job."""
    with flag_override(composed, ["struct", "readonly"], False):
        del composed["hydra"]
    with suppress(ConfigError):
        config = typed(composed)
        is_one = isinstance(config, Config) and not (config.rows or config.ensemble or config.transfer.build)
        return config if is_one else None
    return None


def check(paths: Iterable[str], configs: Callable[[], Iterator[Config | None]], where: str = "") -> None:
    """Raise `ConfigError` for the first path that none of the configurations reads; `where` begins the message.

    None among the configurations stands for some that are not known, which may read everything.
    """
    for path in paths:
        reasons: list[str] = []
        for one in configs():
            if one is None or not (why := unread(path, one)):
                break
            reasons.append(why)
        else:
            if reasons:
                raise ConfigError(where + reasons[0])


def paths_of(overrides: Iterable[str]) -> Iterator[str]:
    """Yield the dotted path of every setting that overrides give a value to; choices of groups are paths as well."""
    for word in overrides:
        key, _, value = word.lstrip("+").partition("=")
        if value.startswith("{"):
            yield from _leaves(key, OverridesParser.create().parse_override(hydra_override(word, Config)).value())
        elif not key.startswith("~"):
            yield key


def _experiment(names: Sequence[str]) -> Iterator[Config]:
    """Yield the configurations that the files of an experiment describe by themselves."""
    with suppress(ConfigError):
        compose, choice = Composer(), f"+{EXPERIMENT}=[{','.join(names)}]"
        yield (whole := compose([choice]))
        yield from (compose([choice, *overrides]) for overrides in whole.rows.values())


def _paths_in_file(name: str) -> Iterator[str]:
    found = GlobalHydra.instance().config_loader().repository.load_config(f"{EXPERIMENT}/{name}")  # type: ignore[attr-defined]
    if found is not None and isinstance(found.config, DictConfig):
        for key, value in OmegaConf.to_container(found.config, resolve=False).items():  # type: ignore[union-attr]
            yield from _leaves(str(key), value)


def _leaves(path: str, value: Any) -> Iterator[str]:
    if isinstance(value, dict) and value:
        for key, inner in value.items():
            yield from _leaves(f"{path}.{key}", inner)
    else:
        yield path


def _configs(runs: Sequence[Run]) -> Callable[[], Iterator[Config]]:
    """Return what yields the configurations of runs, one of each row, and then of the models that they take in."""
    rows = list({run.row: run for run in runs}.values())

    def configs() -> Iterator[Config]:
        yield from (run.config for run in rows)
        yield from (made for run in rows for *_, made in _taken_in(run))

    return configs


def _taken_in(run: Run) -> Iterator[tuple[str, list[str], Config]]:
    """Yield setting, overrides and configuration of the other members of a run's ensemble and of its transfer's source.
    """
    build = run.config.transfer.build
    others: list[tuple[str, list[str], list[str]]] = [
        (f"ensemble.{name}", overrides, []) for name, overrides in run.config.ensemble.items()]
    for where, overrides, fresh in [*others, *([("transfer.build", build, presets_of(build))] if build else [])]:
        if run.compose:
            yield where, overrides, run.compose(overrides, fresh)
