"""The command line of a verb as Hydra wants it: positionals become overrides, options stand before overrides."""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterable, Iterator

from hydra._internal.utils import get_args_parser
from hydra.core.override_parser.overrides_parser import OverridesParser

from jptransfer.commands import Verb
from jptransfer.config.describe import table_of
from jptransfer.errors import ConfigError, nearest, unknown

ASSIGNMENT = re.compile(r"^(\+\+|[+~])?[^=\s]+=|^~")
WORD = re.compile(r"[^\s,\[\]{}]+(?: +[^\s,\[\]{}]+)*")
"""A value, or an entry of a list, that is no number of Hydra's own signs."""
ENTRY = re.compile(r"(?<=:) *([^\s,:\[\]{}]+(?: +[^\s,:\[\]{}]+)*)")
"""The value of an entry of a table, as in ``{0:悪い}``."""
BEYOND = re.compile(r"[^\x00-\x7f]")


def hydra_arguments(verb: Verb, arguments: list[str]) -> list[str]:
    """Return `arguments` for Hydra: its options first, then one override for everything else.

    Raises:
        ConfigError: an unknown option, or a positional that the verb does not take.
    """
    flags = {f"--{name}": f"{name}=true" for name in verb.flags}
    options, words = _split([flags.get(word, word) for word in arguments], flags)
    overrides = list(_assign(verb, words))
    return [*options, *overrides, f"hydra.job.name={verb.name}"]


def _split(arguments: list[str], flags: Iterable[str]) -> tuple[list[str], list[str]]:
    """Separate Hydra's options with their values from all other words, wherever they stand."""
    known = {name: action for action in get_args_parser()._actions for name in action.option_strings}
    options: dict[str, str] = {}
    words, rest = [], list(arguments)
    while rest:
        word = rest.pop(0)
        name, sign, value = word.partition("=")
        if not word.startswith("-") or word == "-":
            words.append(word)
        elif name not in known:
            raise ConfigError(f"unknown option '{word}'{nearest(name, [*known, *flags])}")
        else:
            options[name] = value if sign else _value(known[name], rest)
            choices = list(known[name].choices or ())
            if choices and options[name] not in choices:
                raise ConfigError(unknown(f"value of {name}", options[name], choices))
    if not options.keys() & {"--cfg", "-c"} and (lonely := options.keys() & {"--resolve", "--package", "-p"}):
        raise ConfigError(f"{lonely.pop()} goes with --cfg")
    return [part for name, value in options.items() for part in ([name, value] if value else [name])], words


def _value(action: argparse.Action, rest: list[str]) -> str:
    """Take the value of an option from the words after it; empty if it has none."""
    if action.nargs == 0 or not rest and action.nargs != "?":
        return ""
    if action.nargs == "?" and (not rest or rest[0] not in (action.choices or ())):
        return str(action.const)
    return rest.pop(0)


def _assign(verb: Verb, words: list[str]) -> Iterator[str]:
    names, rest = iter(verb.positionals), []
    for word in words:
        if ASSIGNMENT.match(word):
            yield hydra_override(word, verb.config_class)
        elif name := next(names, None):
            yield f"{name}={quote(word)}"
        elif verb.rest:
            rest.append(quote(word))
        else:
            raise ConfigError(f"'{word}' is no setting; write key=value, or see `jpt {verb.name} --help`")
    if rest:
        yield f"{verb.rest}=[{','.join(rest)}]"


def hydra_override(override: str, schema: type) -> str:
    """Return one override of a user as Hydra reads it, see `literal` and `free_table`."""
    return free_table(literal(override), schema)


def literal(override: str) -> str:
    """Quote the words that Hydra takes quoted only: letters beyond ASCII, and overrides in a list of them."""
    key, sign, value = override.partition("=")
    if value.startswith("{") and not any(mark in value for mark in "'\"$"):
        return key + sign + ENTRY.sub(lambda one: quote(one[1]) if BEYOND.search(one[1]) else one[0], value)
    if any(mark in value for mark in "'\"{}"):
        return override
    beyond = re.compile(f"{BEYOND.pattern}|=") if value.startswith("[") else BEYOND
    return key + sign + WORD.sub(lambda word: quote(word[0]) if beyond.search(word[0]) else word[0], value)


def free_table(override: str, schema: type) -> str:
    """Return the override so that Hydra lets it name new entries of the schema's tables, as in ``task.files.train=F``.

    A new entry that is a section (``corpus.sources.mine.path=F``) has to be merged into the table as a whole: OmegaConf
    makes typed entries only so.
    """
    key, _, value = override.partition("=")
    table = table_of(key, schema) if key and key[0] not in "+~" else ""
    inside = key[len(table) + 1:].split(".") if table else []
    if len(inside) < 2:
        return f"++{override}" if table else override
    parsed = OverridesParser.create().parse_override(override)
    values = parsed.sweep_string_iterator() if parsed.is_discrete_sweep() else [value]
    return f"++{table}=" + ",".join(f"{{{':{'.join(inside)}:{one}{'}' * len(inside)}" for one in values)


def quote(value: str) -> str:
    """Quote `value` so that Hydra takes it as one literal string."""
    escaped = re.sub(r"(\\*)'", r"\1\1\\'", value)
    trailing = len(escaped) - len(escaped.rstrip("\\"))
    return f"'{escaped}{trailing * chr(92)}'"
