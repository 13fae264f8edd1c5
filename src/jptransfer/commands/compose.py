"""From Hydra's configuration to typed, checked dataclasses: once for a run and once for each of its rows."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

from hydra.core.config_store import ConfigStore
from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf, flag_override

from jptransfer.commands import VERBS, Verb
from jptransfer.commands.messages import explain
from jptransfer.commands.overriding import MOST_BASES, Bases, apply, copied, is_value
from jptransfer.commands.words import hydra_override
from jptransfer.config import Config
from jptransfer.config.check import check
from jptransfer.config.spelling import restored
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
    if not (resource("configs") / f"{verb.name}.yaml").is_file():  # the verb of a stage that a plugin adds
        ConfigStore.instance().store(name=verb.name, node={"defaults": ["base", "_self_"]}, provider="jptransfer")
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


_BASES: Bases = WeakKeyDictionary()
"""What a command composed of choices of groups: the jobs of a sweep share most of them."""


class Composer:
    """Composes configurations from overrides, many of them fast: each choice of groups is composed once.

    Where a setting is given twice, the later override counts. Works inside a running Hydra job only.
    """

    def __init__(self, composed: DictConfig | None = None) -> None:
        """Prepare to add overrides to the command line of the running job.

        Args:
            composed: the configuration of that job. None: overrides are added to nothing, as on `jpt run`'s own.
        """
        hydra = HydraConfig.get()
        self._composed, self._words = composed, list(hydra.overrides.task) if composed is not None else []
        self._name = hydra.job.config_name if composed is not None else "run"
        self._places = [one for one in hydra.overrides.hydra if "hydra.searchpath" in one]
        self._parser = OverridesParser.create()
        self._parsed: dict[str, Override] = {}
        self._bases = _BASES.setdefault(GlobalHydra.instance().config_loader(), {})
        self._made: dict[tuple[tuple[str, ...], ...], Config] = {}
        if composed is None:
            register(VERBS["run"])
            hydra = self._load(()).hydra
        self._groups = set(hydra.runtime.choices)

    def __call__(self, overrides: Sequence[str], fresh: Sequence[str] = (), where: str = "") -> Config:
        """Return the configuration with `overrides` added.

        Args:
            overrides: as on the command line.
            fresh: sections that are as their presets and `overrides` say, whatever else sets values in them (see
                `pipeline.presets_of`).
            where: how messages begin.

        Raises:
            ConfigError: an override is wrong.
        """
        key = (tuple(overrides), tuple(fresh))
        if key not in self._made:
            try:
                self._made[key] = typed(self.compose(overrides, fresh))
            except Exception as error:
                message = str(error) if isinstance(error, ConfigError) else explain(error, Config)
                if message is None:
                    raise
                raise ConfigError(f"{where}{message}") from error
        return self._made[key]

    def compose(self, overrides: Sequence[str], fresh: Sequence[str] = ()) -> DictConfig:
        """Return the configuration with `overrides` added before it is checked, see `__call__`."""
        if self._composed is not None and not fresh and all(map(self._is_value, map(self._parse, overrides))):
            made = copied(self._composed)
            apply([self._parse(one) for one in overrides], made)
            return made
        made = self._from_presets([*drop_overrides(self._words, fresh), *overrides])
        if fresh:
            inside = tuple(f"{section}{sign}" for section in fresh for sign in ("=", "."))
            # Without an experiment, whose file is laid over all presets.
            alone = self._from_presets([one for one in overrides if one.lstrip("+~").startswith(inside)])
            with flag_override(made, ["struct", "readonly"], False):
                for section in fresh:
                    made[section] = alone._get_node(section)
        return made

    def _from_presets(self, overrides: Sequence[str]) -> DictConfig:
        parsed = [self._parse(one) for one in overrides]
        choices = {(one.key_or_group, one.package): str(one.input_line) for one in parsed if not self._is_value(one)}
        key = (str(self._name), *self._places, *choices.values())
        if key not in self._bases:
            if len(self._bases) >= MOST_BASES:
                self._bases.clear()
            self._bases[key] = self._load(tuple(choices.values()))
            with flag_override(self._bases[key], ["struct", "readonly"], False):
                del self._bases[key]["hydra"]
        made = copied(self._bases[key])
        apply([one for one in parsed if self._is_value(one)], made)
        return made

    def _parse(self, override: str) -> Override:
        if override not in self._parsed:
            self._parsed[override] = self._parser.parse_override(hydra_override(override, Config))
        return self._parsed[override]

    def _is_value(self, override: Override) -> bool:
        """Whether an override changes settings, and chooses of no group."""
        return is_value(override, self._groups)

    def _load(self, overrides: Sequence[str]) -> DictConfig:
        return GlobalHydra.instance().config_loader().load_configuration(
            self._name, [*self._places, *overrides], run_mode=RunMode.RUN)


def compose_rows(config: Config, compose: Composer) -> dict[str, Config]:
    """Return row -> configuration; one without rows is a single row of its own name.

    Raises:
        ConfigError: a row's override is wrong; the message names the row.
    """
    for row in config.only:
        if row not in config.rows:
            raise ConfigError(f"only: {unknown('row', row, config.rows)}")
    chosen = {row: overrides for row, overrides in config.rows.items() if row in (config.only or config.rows)}
    return {row: compose(overrides, where=f"rows.{row}: ") for row, overrides in chosen.items()} or {
        config.name: config}
