"""From Hydra's configuration to typed, checked dataclasses: once for a run and once for each of its rows."""

from __future__ import annotations

from typing import Any

from hydra.core.config_store import ConfigStore
from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf, flag_override

from jptransfer.commands import VERBS
from jptransfer.commands.messages import explain
from jptransfer.config import Config
from jptransfer.config.check import check
from jptransfer.errors import ConfigError
from jptransfer.resources import resource


def register() -> None:
    """Tell Hydra the schemas of all verbs, and OmegaConf the resolver ``${toy:file}`` of shipped toy data."""
    store = ConfigStore.instance()
    for verb in VERBS.values():
        name = "config" if verb.schema == "Config" else verb.name
        store.store(name=f"{name}_schema", node=verb.config_class, provider="jptransfer")
    OmegaConf.register_new_resolver("toy", lambda file: str(resource(f"data/toy/{file}")), replace=True)


def typed(config: DictConfig) -> Any:
    """Turn a composed configuration into its dataclass and check it.

    Raises:
        ConfigError: a value is missing, cannot be resolved, is no registered name or is out of its limits.
    """
    try:
        instance = OmegaConf.to_object(config)
    except Exception as error:
        raise ConfigError(explain(error, type_of(config)) or str(error)) from error
    check(instance)
    return instance


def type_of(config: DictConfig) -> type:
    """The dataclass behind a composed configuration."""
    return OmegaConf.get_type(config) or Config


def compose_rows(config: Config) -> dict[str, Config]:
    """Return row -> configuration: this run's command line with each row's overrides added.

    A configuration without rows is a single row of its own name. Works inside a running Hydra job only.

    Raises:
        ConfigError: a row's override is wrong; the message names the row.
    """
    if not config.rows:
        return {config.name: config}
    return {row: _compose_row(row, overrides) for row, overrides in config.rows.items()}


def _compose_row(row: str, overrides: list[str]) -> Config:
    hydra = HydraConfig.get()
    try:
        composed = GlobalHydra.instance().config_loader().load_configuration(
            hydra.job.config_name, [*hydra.overrides.task, *overrides], run_mode=RunMode.RUN)
        with flag_override(composed, ["struct", "readonly"], False):
            del composed["hydra"]
        return typed(composed)
    except Exception as error:
        message = str(error) if isinstance(error, ConfigError) else explain(error, Config)
        if message is None:
            raise
        raise ConfigError(f"rows.{row}: {message}") from error
