"""What the dataclasses say of themselves: every field's dotted path, type, default and one-line docstring."""

from __future__ import annotations

import ast
import dataclasses
import inspect
import textwrap
import typing
from collections.abc import Iterator, Sequence
from enum import Enum
from itertools import zip_longest
from typing import Any

from jptransfer.errors import nearest
from jptransfer.registration import schema_cache, type_hints


@dataclasses.dataclass(frozen=True)
class Setting:
    """One line of a verb's help: where a setting stands, what it takes, what it is without being given."""

    path: str
    owner: type
    type: str
    default: str
    is_section: bool

    @property
    def help(self) -> str:
        """The setting's docstring; reading source takes long, so it is read when it is asked for."""
        return docstrings(self.owner).get(self.path.rpartition(".")[2], "")


@schema_cache
def docstrings(schema: type) -> dict[str, str]:
    """Return field -> the string literal that follows it in its class's source, in one line; inherited ones too."""
    owners = [owner for owner in reversed(schema.__mro__) if dataclasses.is_dataclass(owner)]
    written = {name: said for owner in owners for name, said in _own_docstrings(owner).items()}
    return written | {one.name: one.metadata["help"] for one in dataclasses.fields(schema) if "help" in one.metadata}


def _own_docstrings(schema: type) -> dict[str, str]:
    body = ast.parse(textwrap.dedent(inspect.getsource(schema))).body[0].body  # type: ignore[attr-defined]
    found = {}
    for field, below in zip(body, body[1:], strict=False):
        if isinstance(field, ast.AnnAssign) and isinstance(below, ast.Expr) and isinstance(below.value, ast.Constant):
            found[field.target.id] = " ".join(str(below.value.value).split())  # type: ignore[union-attr]
    return found


def settings(schema: type, prefix: str = "") -> Iterator[Setting]:
    """Yield every setting below `schema`, sections before what they hold; a table's entries stand under ``<name>``."""
    hints = type_hints(schema)
    for field in dataclasses.fields(schema):
        hint, path = hints[field.name], prefix + field.name
        section = section_of(hint)
        default = "" if section else show_value(_default(field))
        yield Setting(path, schema, show_type(hint), default, section is not None)
        if section:
            yield from settings(section, f"{path}.<name>." if typing.get_origin(hint) is dict else f"{path}.")


def help_of(path: str, schema: type) -> str:
    """Return the docstring of the setting at a dotted path of `schema`, which may lie in a table."""
    words = path.split(".")
    return next((setting.help for setting in settings(schema)
                 if len(setting.path.split(".")) == len(words) and _leads_to(setting, words)), "")


def table_of(path: str, schema: type) -> str:
    """Return the table of `schema` that a dotted path is or lies in, empty if none: its entries are named freely."""
    words = path.split(".")
    heads = [words[: setting.path.count(".") + 1] for setting in _tables(schema) if _leads_to(setting, words)]
    deepest: list[str] = max(heads, key=len, default=[])
    return ".".join(deepest)


@schema_cache
def _tables(schema: type) -> list[Setting]:
    return [setting for setting in settings(schema) if setting.type.startswith("table")]


def _leads_to(setting: Setting, words: list[str]) -> bool:
    head = setting.path.split(".")
    return len(head) <= len(words) and all(a in ("<name>", b) for a, b in zip(head, words, strict=False))


def registered_settings(schema: type, prefix: str = "") -> dict[str, str]:
    """Return registry table -> dotted path of the first setting below `schema` that takes its names."""
    hints = type_hints(schema)
    found: dict[str, str] = {}
    for field in dataclasses.fields(schema):
        if table := field.metadata.get("registry"):
            found.setdefault(table, prefix + field.name)
        if section := section_of(hints[field.name]):
            inner = f"{prefix}{field.name}.{'<name>.' if typing.get_origin(hints[field.name]) is dict else ''}"
            found = registered_settings(section, inner) | found
    return found


IN_HELP = "; `--help all` lists all settings"


def unknown_setting(path: str, schema: type, more: str = IN_HELP) -> str:
    """Return the sentence for a dotted path that is no setting of `schema`, with the nearest that is; `more` says where
    all of them are listed."""
    words = path.split(".")
    known = [_among(setting.path, words) for setting in settings(schema)]
    leaf = words[-1]
    namesakes = [name for name in known if name.rpartition(".")[2] == leaf]
    hint = f" (did you mean '{namesakes[0]}'?)" if namesakes else nearest(path, known)
    return f"unknown setting '{path}'{hint}{more}"


def _among(path: str, words: Sequence[str]) -> str:
    """Return a setting's path with the names of tables' entries that stand at their places in `words`."""
    pairs = zip_longest(path.split("."), words[:path.count(".") + 1], fillvalue="<name>")
    return ".".join(word if part == "<name>" else part for part, word in pairs)


def section_of(hint: Any) -> type | None:
    """Return the dataclass that a type annotation holds, itself or as the values of a table."""
    inner = typing.get_args(hint)[1] if typing.get_origin(hint) is dict else hint
    return inner if dataclasses.is_dataclass(inner) else None  # type: ignore[return-value]


def show_type(hint: Any) -> str:
    """Write a type annotation as a user reads it: ``int or null``, ``list of str``, ``dynamic|static``."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if hint is type(None):
        return "null"
    if origin is list:
        return f"list of {show_type(arguments[0])}"
    if origin is dict:
        return f"table of {'sections' if section_of(hint) else show_type(arguments[1])}"
    if arguments:
        return " or ".join(show_type(argument) for argument in arguments)
    if issubclass(hint, Enum):
        return "|".join(member.name for member in hint)
    return "section" if dataclasses.is_dataclass(hint) else hint.__name__


def show_value(value: Any) -> str:
    """Write a default as it would be given on the command line."""
    if isinstance(value, Enum):
        return value.name
    if isinstance(value, list):
        return f"[{','.join(show_value(item) for item in value)}]"
    plain = {None: "null", True: "true", False: "false", "": "''", "???": "required"}
    return plain.get(value, str(value)) if isinstance(value, str | bool | None) else str(value)


def _default(field: dataclasses.Field[Any]) -> Any:
    factory = field.default_factory
    return field.default if factory is dataclasses.MISSING else factory()
