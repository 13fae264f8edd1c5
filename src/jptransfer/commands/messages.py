"""Hydra's and OmegaConf's errors as one line that names the nearest valid setting, group or choice."""

from __future__ import annotations

import re
from collections.abc import Iterator

from hydra.errors import HydraException, MissingConfigException, OverrideParseException
from omegaconf.errors import ConfigAttributeError, ConfigKeyError, MissingMandatoryValue, OmegaConfBaseException

from jptransfer.config.describe import help_of, settings, unknown_setting
from jptransfer.errors import unknown

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
    for cause in causes(error):
        if isinstance(cause, MissingConfigException):
            return _explain_choice(cause)
        if isinstance(cause, OverrideParseException):
            given = cause.override.removeprefix("++")  # see `arguments.free_table`
            key, _, value = given.partition("=")
            if not key.isascii() or re.search(r"[^\x00-\x7f]+ *:", value):
                return (f"cannot read '{given}': the command line takes names of entries in ASCII only; write it in "
                        f"FOLDER/experiment/NAME.yaml ('# @package _global_', then {key.partition('.')[0]}: …) and add "
                        "+experiment=NAME --config-dir=FOLDER")
            return (f"cannot read '{given}': {_first_line(cause.message)}; for a value with special "
                    f"characters quote twice, as in '{key}=\"a;b\"'")
    if ambiguous := re.match(r"Ambiguous value for argument '(.*)'", str(error)):
        return f"{ambiguous[1]} is several values: sweep over them with -m, or write a list as key=[a,b]"
    return _explain_key(str(error), schema) or _explain_value(error, schema)


def _explain_choice(error: MissingConfigException) -> str:
    group, _, choice = str(error.missing_cfg_file).rpartition("/")
    sentence = _first_line(str(error)) if error.options is None else unknown(group, choice, error.options)
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


def _explain_value(error: BaseException, schema: type) -> str:
    for cause in reversed(list(causes(error))):
        key = getattr(cause, "full_key", None)
        if key and isinstance(cause, MissingMandatoryValue):
            return f"{key} is required: {help_of(key, schema)}"
        if key and isinstance(cause, ConfigKeyError | ConfigAttributeError):
            return unknown_setting(key, schema)
        if key and isinstance(cause, OmegaConfBaseException):
            return f"{key}: {_explain_type(key, _first_line(cause.msg or str(cause)), schema)}"
    if "does not support sweep type" in str(error):
        return "tag(…) and interval(…) are for a search: add hydra/sweeper=optuna; a sweep takes a,b or range(…)"
    return _first_line(str(error))


def _explain_type(key: str, complaint: str, schema: type) -> str:
    """Return OmegaConf's complaint on a value, in a user's words where it speaks of OmegaConf's own types."""
    if re.match(r"Key .* is incompatible with \(str\)", complaint):
        return f"the names of entries are text; write {key}=VALUE on the command line, quotes around the name in a file"
    if "is not a ListConfig" in complaint:
        return f"it takes a list, as in {key}=[a,b]"
    if re.search(r"NoneType is not a subclass of (str|int|float|bool)\b", complaint):
        return "null is no value here"
    if re.search(r"is not a subclass of|Cannot assign \w+ to Dict", complaint):
        inside = [one.path for one in settings(schema) if one.path.rpartition(".")[0] == key]
        return f"it is a section, not a value; give its entries, as in {inside[0] if inside else key + '.<name>'}=…"
    return complaint


def causes(error: BaseException | None) -> Iterator[BaseException]:
    """Yield an error and those behind it."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _first_line(text: str) -> str:
    return text.strip().split("\n")[0]
