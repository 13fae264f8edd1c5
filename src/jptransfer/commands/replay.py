"""The command line of the running job, as it can be typed again."""

from __future__ import annotations

import shlex
from pathlib import Path

from hydra.core.hydra_config import HydraConfig

from jptransfer.config.spelling import readable
from jptransfer.pipeline.provenance import without_folders

PLACES = ("outputs", "outputs_root", "data_root", "runtime", "upstream", "dry_run", "hydra")
"""Settings that say where and how fast, not what: left out of the command that reproduces a result."""
SEARCHPATH = "hydra.searchpath"


def options() -> list[str]:
    """Return the options that say which files the configuration comes from."""
    hydra = HydraConfig.get()
    given = [Path(one.path) for one in hydra.runtime.config_sources if one.provider == "command-line"]
    inside = [one.relative_to(Path.cwd()) if one.is_relative_to(Path.cwd()) else one for one in given]
    other = [] if hydra.job.config_name == hydra.job.name else [f"--config-name={hydra.job.config_name}"]
    return [*(f"--config-dir={one}" for one in inside), *other]


def overrides() -> list[str]:
    """Return the overrides of the job; of a job of a sweep those that the sweep chose for it."""
    hydra = HydraConfig.get().overrides
    return [readable(one) for one in (*(one for one in hydra.hydra if SEARCHPATH in one), *hydra.task)]


def command(verb: str) -> str:
    """Return the command that makes this job's result again, quoted for a shell, without the places of this machine."""
    kept = [word for word in overrides() if _section(word) not in PLACES or SEARCHPATH in word]
    return shlex.join(["jpt", verb, *(without_folders(word) for word in (*options(), *kept))])


def suite_words() -> tuple[list[str], list[str]]:
    """Return the options, and the settings besides suite and scale, that `jpt reproduce` was given."""
    kept = [word for word in overrides() if _section(word) not in (*PLACES, "suite", "scale") or SEARCHPATH in word]
    return ([without_folders(word) for word in options()], [without_folders(word) for word in kept])


def _section(override: str) -> str:
    return override.lstrip("+~").split("=")[0].split(".")[0].split("/")[0]
