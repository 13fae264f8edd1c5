"""What an override does to a composed configuration: for a command line, a job of a sweep, a row and a suite's cell.

Hydra merges a table that is given with the one that is there, takes new names only with ``+``, and cannot delete an
entry of a typed table. Here ``table={…}`` is the whole table from now on, ``table.name=…`` sets an entry,
``~table.name`` deletes one, and ``+table={…}`` adds entries.
"""

from __future__ import annotations

import pickle
from collections.abc import Container, Sequence
from pathlib import Path
from typing import Any, get_origin
from weakref import WeakKeyDictionary

from hydra._internal import config_loader_impl
from hydra._internal.config_loader_impl import ConfigLoaderImpl, get_overrides_dirname
from hydra._internal.core_plugins.file_config_source import FileConfigSource
from hydra._internal.sources_registry import SourcesRegistry
from hydra.core.config_loader import ConfigLoader
from hydra.core.config_store import ConfigStore
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override, OverrideType
from hydra.core.plugins import Plugins
from hydra.errors import ConfigCompositionException
from hydra.plugins.config_source import ConfigLoadError, ConfigResult, ConfigSource
from hydra.types import RunMode
from omegaconf import DictConfig, ListConfig, OmegaConf, flag_override
from omegaconf.errors import OmegaConfBaseException
from yaml import YAMLError

from jptransfer.commands.words import hydra_override
from jptransfer.config import Config
from jptransfer.config.describe import table_of
from jptransfer.config.hints import hint_at
from jptransfer.config.spelling import readable
from jptransfer.config.yaml_files import load_settings
from jptransfer.errors import ConfigError, unknown
from jptransfer.plugins import load_named

MOST_BASES = 200
"""Compositions that are kept; the next one lets go of them."""
Bases = WeakKeyDictionary[ConfigLoader, dict[tuple[str, ...], DictConfig]]
"""What a command composed, by the name of its configuration and choices of groups."""
_SWEEPS: Bases = WeakKeyDictionary()
_hydras_sweep_config = ConfigLoaderImpl.load_sweep_config
_hydras = config_loader_impl.ConfigLoaderImpl._apply_overrides_to_config


def apply(overrides: Sequence[Override], config: DictConfig) -> None:
    """Change `config` by overrides that choose of no group, in order.

    Raises:
        ConfigCompositionException: an override names no setting, or its value does not fit.
        ConfigError: an entry that is to be deleted is not there.
    """
    schema = OmegaConf.get_type(config)
    schema = Config if schema in (None, dict) else schema
    for one in (_as_meant(each, schema) for each in overrides):
        key = one.key_or_group
        table = table_of(key, schema) if one.package is None else ""
        if not table and not one.is_delete() or key.startswith("hydra."):
            _hydras([one], config)
        elif not table:
            _refuse_deletion(one, schema, config)
        else:
            _change_table(one, table, schema, config)


def is_value(override: Override, groups: Container[str]) -> bool:
    """Whether an override changes settings, and chooses none of `groups`."""
    key = override.key_or_group
    return (not override.is_sweep_override() and key not in groups and override.package is None
            and (override.type is OverrideType.CHANGE or hint_at([key.partition(".")[0]], Config) is not None))


def copied(config: DictConfig) -> DictConfig:
    """Return a deep copy, made in a third of the time that `copy.deepcopy` takes."""
    return pickle.loads(pickle.dumps(config))


def _as_meant(override: Override, schema: type) -> Override:
    """Read an override that comes from a sweep, where Hydra may have taken the quotes off, as one of a user."""
    typed = override.input_line
    if typed is None or override.key_or_group.startswith("hydra.") or override.is_sweep_override():
        return override
    meant = hydra_override(typed, schema)
    return override if meant == typed else OverridesParser.create().parse_override(meant)


def _refuse_deletion(override: Override, schema: type, config: DictConfig) -> None:
    key = override.key_or_group
    if hint_at(key.split("."), schema) is None:
        _hydras([override], config)
    raise ConfigError(f"~{key}: only entries of tables can be deleted; for this setting give another value, {key}=…")


def _change_table(override: Override, table: str, schema: type, config: DictConfig) -> None:
    key, value = override.key_or_group, override.value()
    try:
        with flag_override(config, "struct", False):
            node = _table(config, table, schema)
            name, _, inside = key[len(table) + 1:].partition(".")
            if override.is_delete():
                _delete(node, table, name, inside)
            elif not name and isinstance(value, dict) and not override.is_add():
                for entry in list(node):
                    del node[entry]
                node.merge_with(value)
            elif not name:
                _hydras([override], config)
            elif not inside:
                _set_entry(node, name, value)
            else:
                _entry(node, name)
                with flag_override(config, "struct", True):
                    _hydras([override], config)
    except OmegaConfBaseException as error:
        raise ConfigCompositionException(f"Error merging override {override.input_line}") from error


def _table(config: DictConfig, table: str, schema: type) -> DictConfig:
    """Return the table at a dotted path; entries of tables on the way are made where they are missing."""
    node, hint, words = config, schema, table.split(".")
    for number, word in enumerate(words):
        hint = hint_at(words[:number], schema)
        node = _entry(node, word) if get_origin(hint) is dict else node[word]
    return node


def _entry(node: DictConfig, name: str) -> DictConfig:
    """Return an entry that is a section, made if it is missing: OmegaConf makes typed entries by merging only."""
    if name not in node:
        node.merge_with({name: {}})
    return node[name]


def _set_entry(node: DictConfig, name: str, value: Any) -> None:
    """Set an entry at the place that it has; a section is that of `value` alone, and not what it was before."""
    if not isinstance(value, dict) or name not in node:
        node.merge_with({name: value})
        return
    for one, kept in [(one, node._get_node(one)) for one in list(node)]:
        del node[one]
        node.merge_with({one: value if one == name else kept})


def _delete(node: DictConfig, table: str, name: str, inside: str) -> None:
    if inside:
        entry = readable(f"{table}.{name}")
        raise ConfigError(f"~{entry}.{inside}: only entries of tables can be deleted; give another value, or "
                          f"delete the entry with ~{entry}")
    if name and name not in node:
        known = [readable(str(one)) for one in node]
        raise ConfigError(f"~{readable(f'{table}.{name}')}: {unknown('entry', readable(name), known)}")
    for one in [name] if name else list(node):
        del node[one]


def _load(source: FileConfigSource, config_path: str) -> ConfigResult:
    """Read one YAML file of settings; texts are what is written, see `jptransfer.config.yaml_files`."""
    path = Path(source.path, source._normalize_file_name(config_path)).resolve()
    if not path.is_file():
        raise ConfigLoadError(f"Config not found : {path}")
    try:
        text = path.read_text(encoding="utf-8")
        header = ConfigSource._get_header_dict(text[:512])
        config = load_settings(text, hint_at(_section(config_path, header.get("package")), Config))
    except (YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: no YAML: {' '.join(str(error).split())}") from error
    if not _section(config_path, header.get("package")) and isinstance(named := config.get("plugins"), ListConfig):
        load_named(map(str, named), str(path))
    return ConfigResult(config=config, path=f"{source.scheme()}://{source.path}", provider=source.provider,
                        header=header)


def _section(config_path: str, package: str | None) -> list[str]:
    """Return the path of the section that a file holds: its header's, or the folder's that it lies in."""
    group = config_path.rpartition("/")[0].strip("/")
    named = (package or "_group_").replace("_group_", group.replace("/", ".")).replace("_global_", "")
    return [word for word in named.split(".") if word]


def _load_sweep_config(loader: ConfigLoaderImpl, master_config: DictConfig,
                       sweep_overrides: list[str]) -> DictConfig:
    """Return the configuration of a job of a sweep as Hydra does, with the choices of groups composed only once.

    The jobs of a sweep differ in values most of all, and composing takes Hydra some hundred times as long as a value.
    """
    groups, name = master_config.hydra.runtime.choices, master_config.hydra.job.config_name
    parsed = OverridesParser.create(config_loader=loader).parse_overrides(sweep_overrides)
    values = [one for one in parsed if not one.is_hydra_override() and is_value(one, groups)]
    choices = [one for one in parsed if one not in values]
    if any(one.is_sweep_override() or not one.is_hydra_override() and one.key_or_group not in groups
           for one in choices):
        return _hydras_sweep_config(loader, master_config, sweep_overrides)
    chosen = [*master_config.hydra.overrides.hydra, *(str(one.input_line) for one in choices)]
    bases, key = _SWEEPS.setdefault(loader, {}), (name, *chosen)
    if key not in bases:
        if len(bases) >= MOST_BASES:
            bases.clear()
        bases[key] = loader.load_configuration(name, chosen, RunMode.RUN)
    config = copied(bases[key])
    apply(values, config)
    own = [one for one in parsed if not one.is_hydra_override()]
    config.hydra.overrides.task = [one.input_line for one in own]
    naming = config.hydra.job.config.override_dirname
    config.hydra.job.override_dirname = get_overrides_dirname(own, naming.exclude_keys, naming.item_sep, naming.kv_sep)
    OmegaConf.copy_cache(from_config=master_config, to_config=config)
    return config


def _install() -> None:
    """Make Hydra use the functions above, for which it has no hook.

    Its search for plugins imports its own modules a second time, so there may be two classes of one name. Processes
    that a launcher starts import this module with the job's function.
    """
    config_loader_impl.ConfigLoaderImpl._apply_overrides_to_config = staticmethod(apply)  # type: ignore
    ConfigLoaderImpl.load_sweep_config = _load_sweep_config  # type: ignore[method-assign]
    # Hydra copies its sources for each composition, and with them all schemas, which it copies again when it uses one.
    ConfigStore.__deepcopy__ = lambda self, memo: self  # type: ignore[attr-defined]
    Plugins.instance()
    for one in (FileConfigSource, SourcesRegistry.instance().resolve("file")):
        one.load_config = _load  # type: ignore[method-assign, assignment]


_install()
