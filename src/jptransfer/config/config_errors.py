"""OmegaConf's errors on a value as one line that names the nearest valid setting."""

from __future__ import annotations

import re
import typing

from omegaconf.errors import ConfigAttributeError, ConfigKeyError, MissingMandatoryValue, OmegaConfBaseException

from jptransfer.config.describe import IN_HELP, help_of, settings, unknown_setting
from jptransfer.config.hints import hint_at
from jptransfer.errors import causes, first_line


def explain_value(error: BaseException, schema: type, more: str = IN_HELP) -> str:
    """Return the line for a value or name that does not fit a configuration of type `schema` (`more`: see
    `unknown_setting`)."""
    for cause in reversed(list(causes(error))):
        key = getattr(cause, "full_key", None)
        if key and isinstance(cause, MissingMandatoryValue):
            return f"{key} is required: {help_of(key, schema)}"
        if key and isinstance(cause, ConfigKeyError | ConfigAttributeError):
            return unknown_setting(key, schema, more)
        if key and isinstance(cause, OmegaConfBaseException):
            return f"{key}: {_explain_type(key, first_line(cause.msg or str(cause)), schema)}"
    return first_line(str(error))


def _explain_type(key: str, complaint: str, schema: type) -> str:
    """Return OmegaConf's complaint on a value, in a user's words where it speaks of OmegaConf's own types."""
    if re.match(r"Key .* is incompatible with \(str\)", complaint):
        return f"the names of entries are text; write {key}=VALUE on the command line, quotes around the name in a file"
    if complaint.startswith("Cannot merge"):
        is_table = typing.get_origin(hint_at(key.split("."), schema)) is dict
        return f"it takes a table, as in {key}={{a:b}}" if is_table else f"it takes a list, as in {key}=[a,b]"
    if "is not a ListConfig" in complaint or "incompatible with type hint 'typing.List" in complaint:
        return f"it takes a list, as in {key}=[a,b]"
    if re.search(r"NoneType is not a subclass of (str|int|float|bool)\b", complaint):
        return "null is no value here"
    if re.search(r"is not a subclass of|Cannot assign \w+ to Dict", complaint):
        inside = [one.path for one in settings(schema) if one.path.rpartition(".")[0] == key]
        return f"it is a section, not a value; give its entries, as in {inside[0] if inside else key + '.<name>'}=…"
    return complaint
