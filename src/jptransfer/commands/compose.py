"""From Hydra's configuration to typed, checked dataclasses: once for a run and once for each of its rows."""

from __future__ import annotations

import atexit
import pickle
import shutil
import tempfile
from collections.abc import Callable, Iterable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from hydra.core.config_store import ConfigStore
from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override, OverrideType
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf, flag_override

from jptransfer.commands import VERBS, Verb
from jptransfer.commands.messages import explain
from jptransfer.commands.overriding import apply
from jptransfer.commands.words import hydra_override
from jptransfer.config import Config
from jptransfer.config.check import check
from jptransfer.config.spelling import restored
from jptransfer.config.yaml_files import hint_at
from jptransfer.errors import ConfigError, unknown
from jptransfer.files import can_write
from jptransfer.pipeline import drop_overrides
from jptransfer.resources import resource


def register(verb: Verb) -> None:
    """Tell Hydra the schema of a verb, and OmegaConf its resolvers.

    ``${toy:file}`` is the path of shipped toy data, ``${run_root:outputs,verb}`` the folder of a verb's logs.
    """
    name = "config_schema" if verb.is_experiment else f"{verb.name}_schema"
    ConfigStore.instance().store(name=name, node=verb.config_class, provider="jptransfer")
    OmegaConf.register_new_resolver("toy", lambda file: str(resource(f"data/toy/{file}")), replace=True)
    OmegaConf.register_new_resolver("run_root", _run_root, replace=True, use_cache=True)  # workers get what is cached


@cache
def _run_root(outputs: str, verb: str) -> str:
    """Return the folder below which a verb logs; one that is removed at the end if the outputs cannot be written."""
    folder = Path(outputs, "runs", verb)
    if can_write(folder) or not Path(outputs).is_dir():
        return str(folder)
    temporary = tempfile.mkdtemp(prefix="jpt-")
    atexit.register(shutil.rmtree, temporary, ignore_errors=True)
    return temporary


def typed(config: DictConfig) -> Any:
    """Turn a composed configuration into its dataclass and check it.

    Raises:
        ConfigError: a value is missing, cannot be resolved, is no registered name or is out of its limits.
    """
    try:
        instance = OmegaConf.to_object(config)
    except Exception as error:
        raise ConfigError(explain(error, type_of(config)) or str(error)) from error
    instance = restored(instance)
    check(instance)
    return instance


def type_of(config: DictConfig) -> type:
    """The dataclass behind a composed configuration."""
    return OmegaConf.get_type(config) or Config


class Composer:
    """Composes configurations of `jpt run` from overrides alone, many of them fast: choices of groups only once each.

    Where a setting is given twice, the later one counts. Works inside a running Hydra job only.
    """

    def __init__(self) -> None:
        register(VERBS["run"])
        self._loader = GlobalHydra.instance().config_loader()
        self._parser = OverridesParser.create()
        self._parsed: dict[str, Override] = {}
        self._bases: dict[tuple[str, ...], DictConfig] = {}
        self._made: dict[tuple[tuple[str, ...], ...], Config] = {}
        self._groups = set(self._load(()).hydra.runtime.choices)

    def __call__(self, overrides: Sequence[str], fresh: Sequence[str] = ()) -> Config:
        """Return the configuration; the sections `fresh` are as their presets say (see `pipeline.presets_of`).

        Raises:
            ConfigError: an override is wrong.
        """
        key = (tuple(overrides), tuple(fresh))
        if key not in self._made:
            self._made[key] = _explained(lambda: typed(self._with_fresh(overrides, fresh)))
        return self._made[key]

    def _with_fresh(self, overrides: Sequence[str], fresh: Sequence[str]) -> DictConfig:
        made = self._compose(overrides)
        return _refreshed(made, fresh, lambda: self._compose(_inside(overrides, fresh))) if fresh else made

    def _compose(self, overrides: Sequence[str]) -> DictConfig:
        latest = {}
        for one in overrides:
            parsed = self._parse(hydra_override(one, Config))
            key = (parsed.key_or_group, parsed.is_delete())
            latest.pop(key, None)  # what is said later is done later
            latest[key] = parsed
        values = [one for one in latest.values() if _is_value(one, self._groups)]
        changed = _copy(self._base([str(one.input_line) for one in latest.values() if one not in values]))
        apply(values, changed)
        return changed

    def _parse(self, override: str) -> Override:
        if override not in self._parsed:
            self._parsed[override] = self._parser.parse_override(override)
        return self._parsed[override]

    def _base(self, overrides: list[str]) -> DictConfig:
        key = tuple(overrides)
        if key not in self._bases:
            self._bases[key] = _without_hydra(self._load(key))
        return self._bases[key]

    def _load(self, overrides: Sequence[str]) -> DictConfig:
        return self._loader.load_configuration("run", list(overrides), run_mode=RunMode.RUN)


def _copy(config: DictConfig) -> DictConfig:
    """Return a deep copy, made in a third of the time that `copy.deepcopy` takes."""
    return pickle.loads(pickle.dumps(config))


def _is_value(override: Override, groups: Iterable[str]) -> bool:
    """Whether an override changes settings, and chooses of no group."""
    section = override.key_or_group.partition(".")[0]
    return (not override.is_sweep_override() and override.key_or_group not in groups and override.package is None
            and (override.type is OverrideType.CHANGE or hint_at([section], Config) is not None))


def _without_hydra(config: DictConfig) -> DictConfig:
    with flag_override(config, ["struct", "readonly"], False):
        del config["hydra"]
    return config


def compose_rows(config: Config, composed: DictConfig) -> dict[str, Config]:
    """Return row -> configuration: this run's command line with each row's overrides added.

    A configuration without rows is a single row of its own name. Works inside a running Hydra job only.

    Args:
        composed: what `config` was made from; rows that change only values, no group's choice, start from it.

    Raises:
        ConfigError: a row's override is wrong; the message names the row.
    """
    for row in config.only:
        if row not in config.rows:
            raise ConfigError(f"only: {unknown('row', row, config.rows)}")
    chosen = {row: overrides for row, overrides in config.rows.items() if row in (config.only or config.rows)}
    composed_rows = {row: compose_row(overrides, composed, f"rows.{row}: ") for row, overrides in chosen.items()}
    return composed_rows or {config.name: config}


def compose_row(overrides: list[str], composed: DictConfig, where: str = "", fresh: Sequence[str] = ()) -> Config:
    """Return this run's command line with `overrides` added; messages begin with `where` (see `compose_rows`).

    The sections `fresh` are as their presets and `overrides` say, whatever the run sets in them.
    """
    return _explained(lambda: typed(_compose_row(overrides, composed, fresh)), where)


def _explained(compose: Callable[[], Config], where: str = "") -> Config:
    """Return what `compose` makes; a user's mistakes come as `ConfigError`, with `where` before the message."""
    try:
        return compose()
    except Exception as error:
        message = str(error) if isinstance(error, ConfigError) else explain(error, Config)
        if message is None:
            raise
        raise ConfigError(f"{where}{message}") from error


def _compose_row(overrides: list[str], composed: DictConfig, fresh: Sequence[str] = ()) -> DictConfig:
    hydra = HydraConfig.get()
    overrides = [hydra_override(one, Config) for one in overrides]
    parsed = OverridesParser.create().parse_overrides(overrides)
    if all(_is_value(one, hydra.runtime.choices) for one in parsed):
        changed = _copy(composed)
        apply(parsed, changed)
        return changed

    def load(words: list[str]) -> DictConfig:
        places = [one for one in hydra.overrides.hydra if "hydra.searchpath" in one]
        return _without_hydra(GlobalHydra.instance().config_loader().load_configuration(
            hydra.job.config_name, [*places, *words], run_mode=RunMode.RUN))

    made = load([*drop_overrides(hydra.overrides.task, fresh), *overrides])
    return _refreshed(made, fresh, lambda: load(_inside(overrides, fresh)))


def _inside(overrides: Sequence[str], sections: Sequence[str]) -> list[str]:
    """Return the overrides that choose presets for `sections` or set values in them."""
    inside = tuple(f"{section}{sign}" for section in sections for sign in ("=", "."))
    return [one for one in overrides if one.lstrip("+~").startswith(inside)]


def _refreshed(config: DictConfig, sections: Sequence[str], compose: Callable[[], DictConfig]) -> DictConfig:
    """Take `sections` from what `compose` makes: without an experiment, whose file is laid over all presets."""
    if sections:
        alone = compose()
        with flag_override(config, ["struct", "readonly"], False):
            for section in sections:
                config[section] = alone._get_node(section)
    return config
