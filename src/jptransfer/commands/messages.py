"""Hydra's and OmegaConf's errors as one line that names the nearest valid setting, group or choice."""

from __future__ import annotations

import re

from hydra.errors import HydraException, MissingConfigException, OverrideParseException
from omegaconf.errors import OmegaConfBaseException

from jptransfer.config.config_errors import explain_value
from jptransfer.config.describe import unknown_setting
from jptransfer.config.spelling import readable
from jptransfer.errors import causes, first_line, unknown

PACKAGES = {
    "submitit_slurm": "; it comes with pip install 'jptransfer[slurm]'",
    "submitit_local": "; it comes with pip install 'jptransfer[slurm]'",
    "ray": "; it comes with pip install 'jptransfer[ray]'",
}
"""Launchers that come with optional packages -> how to get them."""


def explain(error: BaseException, schema: type) -> str | None:
    """Return the line for a mistake in the configuration of type `schema`; none if the error is of another sort."""
    if not isinstance(error, HydraException | OmegaConfBaseException):
        return None
    line = _explained(error, schema)
    return line and readable(line)


def _explained(error: BaseException, schema: type) -> str | None:
    for cause in causes(error):
        if isinstance(cause, MissingConfigException):
            return _explain_choice(cause)
        if isinstance(cause, OverrideParseException):
            given = readable(cause.override)
            key = given.partition("=")[0]
            return (f"cannot read '{given}': a bracket or a quote is not closed, or a character has to stand in "
                    f"quotes; for a value with special characters quote twice, as in '{key}=\"a;b\"'")
    if ambiguous := re.match(r"Ambiguous value for argument '(.*)'", str(error)):
        key = ambiguous[1].partition("=")[0]
        return (f"{ambiguous[1]} is several values: sweep over them with -m, write a list as {key}=[a,b], or quote a "
                f"comma that belongs to the value twice, as in '{key}=\"a,b\"'")
    if there := re.search(r"An item is already at '(.*)'", str(error)):
        return f"{there[1]} is there already; to change it leave the + out: {there[1]}=…"
    if "does not support sweep type" in str(error):
        return "tag(…) and interval(…) are for a search: add hydra/sweeper=optuna; a sweep takes a,b or range(…)"
    # A key in a mapping that is given as the value: only the cause says which.
    inside = [match[1] for cause in causes(error)
              if (match := re.search(r"Key '[^']+' not in .*\n\s*full_key: (\S+)", str(cause)))]
    if inside and not inside[0].startswith("hydra."):
        return unknown_setting(inside[0], schema)
    return _explain_key(str(error), schema) or explain_value(error, schema)


def _explain_choice(error: MissingConfigException) -> str:
    group, _, choice = str(error.missing_cfg_file).rpartition("/")
    sentence = first_line(str(error)) if error.options is None else unknown(group, choice, error.options)
    return sentence + PACKAGES.get(choice, "")


def _explain_key(message: str, schema: type) -> str | None:
    found = re.search(r"Could not (?:override|delete from config\.|delete) '([^']+)'", message)
    found = found or re.search(r"config group '([^']+)' does not exist", message)
    if not found:
        return None
    key = found[1].partition("@")[0].replace("/", ".")
    if key.startswith("hydra."):
        return f"unknown setting '{key}'; `--cfg hydra` lists those of Hydra and of the sweeper and launcher chosen"
    return unknown_setting(key, schema)
