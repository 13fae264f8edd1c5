"""Find and read suites: one YAML file per table, and a shared file per paper."""

from __future__ import annotations

import pickle
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
"""File with settings that all suites of a folder inherit."""
ALL = "all"


@dataclass(frozen=True)
class Suite:
    """A suite with its name, as ``bataa2019/table3``; `file` is the file of a suite that is not shipped."""

    name: str
    config: SuiteConfig
    file: str = ""


def shipped() -> dict[str, Path]:
    """Return the names of all shipped suites with their files, in order."""
    root = resource("configs") / "suites"
    files = sorted(path for path in root.rglob("*.yaml") if path.name != SHARED)
    return {path.relative_to(root).with_suffix("").as_posix(): path for path in files}


def find(choice: str) -> list[Suite]:
    """Return the selected suites: one by name, all of a paper, all, or that of a YAML file.

    Raises:
        ConfigError: no suite has this name, or its file is invalid.
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
    """Return the selected suites (see `find`) that have a scale.

    Raises:
        ConfigError: no suite has this scale.
    """
    suites = find(choice)
    found = [suite for suite in suites if scale in suite.config.scales]
    if not found:
        raise ConfigError(unknown("scale", scale, {name for suite in suites for name in suite.config.scales}))
    return found


def read(name: str, path: Path) -> Suite:
    """Read and check one suite.

    Raises:
        ConfigError: the file is missing, is not YAML, or does not match the schema.
    """
    if not path.is_file():
        raise ConfigError(f"no such suite: '{path}'")
    shared = path.parent / SHARED
    try:
        node = pickle.loads(_with_shared(shared, shared.stat().st_mtime_ns) if shared.is_file() else _schema())
        node.merge_with(_load(path))
        config = restored(OmegaConf.to_object(node))
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
def _schema() -> bytes:
    """Return the schema pickled, which is copied in a third of the time that `copy.deepcopy` takes."""
    return pickle.dumps(OmegaConf.structured(SuiteConfig))


@cache
def _with_shared(path: Path, changed: int) -> bytes:
    """Return the schema with a shared file merged in, pickled: done once for all suites of a folder."""
    return pickle.dumps(OmegaConf.merge(pickle.loads(_schema()), _load(path)))


def _load(path: Path) -> DictConfig:
    from yaml import YAMLError

    try:
        loaded = load_settings(path.read_text(encoding="utf-8"), SuiteConfig)
    except (YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: no YAML: {' '.join(str(error).split())}") from error
    if not isinstance(loaded, DictConfig):
        raise ConfigError(f"{path}: a table of settings is expected")
    return loaded
