"""The command line of a verb as Hydra wants it: positionals become overrides, options stand before overrides."""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterable, Iterator

from hydra._internal.utils import get_args_parser

from jptransfer.commands import Verb
from jptransfer.commands.words import hydra_override, quote
from jptransfer.config.names import has_surrogates
from jptransfer.errors import ConfigError, nearest, unknown

ASSIGNMENT = re.compile(r"^(\+\+|[+~])?[^=\s]+=|^~")


def hydra_arguments(verb: Verb, arguments: list[str]) -> list[str]:
    """Return `arguments` for Hydra: its options first, then one override for everything else.

    Raises:
        ConfigError: an unknown option, a positional that the verb does not take, or, where the words are recorded,
            a word that is not valid Unicode.
    """
    if verb.is_experiment or verb.schema == "ReproduceConfig":
        for word in arguments:
            if has_surrogates(word):
                raise ConfigError(f"'{word}' is not valid UTF-8, as names of files and settings must be; rename it")
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
