"""Finding and reading suites: one YAML a table, what tables of a paper share in a file beside them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from jptransfer import plugins
from jptransfer.config import SuiteConfig
from jptransfer.config.check import check
from jptransfer.config.config_errors import explain_value
from jptransfer.config.names import check_name
from jptransfer.config.spelling import restored
from jptransfer.config.yaml_files import load_settings
from jptransfer.errors import ConfigError, unknown
from jptransfer.resources import resource

SHARED = "_shared.yaml"
"""File of a folder that lies beneath every suite of it."""
ALL = "all"


@dataclass(frozen=True)
class Suite:
    """A suite under its name, as in ``bataa2019/table3``; `file`: where one that is not shipped was read."""

    name: str
    config: SuiteConfig
    file: str = ""


def shipped() -> dict[str, Path]:
    """Return the names of all shipped suites with their files, in order."""
    root = resource("configs") / "suites"
    files = sorted(path for path in root.rglob("*.yaml") if path.name != SHARED)
    return {path.relative_to(root).with_suffix("").as_posix(): path for path in files}


def find(choice: str) -> list[Suite]:
    """Return the suites meant: one by name, those of a paper, all, or that of a YAML file.

    Raises:
        ConfigError: there is none of this name, or its file is wrong.
    """
    known = shipped()
    if choice.endswith((".yaml", ".yml")):
        check_name("suite", Path(choice).stem, 0)
        return [replace(read(Path(choice).stem, Path(choice)), file=choice)]
    meant = [name for name in known if choice in (name, name.partition("/")[0], ALL)]
    if not meant:
        papers = {name.partition("/")[0] for name in known}
        raise ConfigError(unknown("suite", choice, [ALL, "ls", *papers, *known]))
    return [read(name, known[name]) for name in meant]


def at_scale(scale: str, choice: str = ALL) -> list[Suite]:
    """Return those of the suites meant (see `find`) that have a scale.

    Raises:
        ConfigError: none has it.
    """
    suites = find(choice)
    found = [suite for suite in suites if scale in suite.config.scales]
    if not found:
        raise ConfigError(unknown("scale", scale, {name for suite in suites for name in suite.config.scales}))
    return found


def read(name: str, path: Path) -> Suite:
    """Read and check one suite.

    Raises:
        ConfigError: the file is missing, is no YAML, or does not fit the schema.
    """
    if not path.is_file():
        raise ConfigError(f"no such suite: '{path}'")
    layers = [layer for layer in (path.parent / SHARED, path) if layer.is_file()]
    try:
        config = restored(OmegaConf.to_object(OmegaConf.merge(_schema(), *map(_load, layers))))
        plugins.load(config.plugins)
        check(config)
    except OmegaConfBaseException as error:
        raise ConfigError(f"{path}: {explain_value(error, SuiteConfig, more='')}") from error
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from error
    assert isinstance(config, SuiteConfig)
    for scale in config.scales:
        check_name(f"{path}: scales", scale, 0)
    return Suite(name, config)


@cache
def _schema() -> DictConfig:
    return OmegaConf.structured(SuiteConfig)


def _load(path: Path) -> DictConfig:
    """Return what a suite's file holds. What suites share is read once for all of them."""
    return _load_shared(path, path.stat().st_mtime_ns) if path.name == SHARED else _read_file(path)


@cache
def _load_shared(path: Path, changed: int) -> DictConfig:
    return _read_file(path)


def _read_file(path: Path) -> DictConfig:
    from yaml import YAMLError

    try:
        loaded = load_settings(path.read_text(encoding="utf-8"), SuiteConfig)
    except (YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: no YAML: {' '.join(str(error).split())}") from error
    if not isinstance(loaded, DictConfig):
        raise ConfigError(f"{path}: a table of settings is expected")
    return loaded
