"""The command line of a verb as Hydra wants it: positionals become overrides, options stand before overrides."""

from __future__ import annotations

import re
from collections.abc import Iterator

from hydra._internal.utils import get_args_parser

from jptransfer.commands import Verb
from jptransfer.errors import ConfigError, nearest

ASSIGNMENT = re.compile(r"^(\+\+|[+~])?[^=\s]+=|^~")


def hydra_arguments(verb: Verb, arguments: list[str]) -> list[str]:
    """Return `arguments` for Hydra: its options first, then one override for everything else.

    Raises:
        ConfigError: an unknown option, or a positional that the verb does not take.
    """
    options, words = _split(arguments)
    overrides = list(_assign(verb, words))
    return [*options, *overrides, f"hydra.job.name={verb.name}"]


def _split(arguments: list[str]) -> tuple[list[str], list[str]]:
    """Separate Hydra's options with their values from all other words, wherever they stand."""
    parser = get_args_parser()
    takes_value = {name: action.nargs != 0 for action in parser._actions for name in action.option_strings}
    options, words, rest = [], [], iter(arguments)
    for word in rest:
        name = word.partition("=")[0]
        if not word.startswith("-") or word == "-":
            words.append(word)
        elif name not in takes_value:
            raise ConfigError(f"unknown option '{word}'{nearest(name, takes_value)}")
        else:
            options.append(word)
            if takes_value[name] and "=" not in word:
                options.extend([value for value in [next(rest, None)] if value is not None])
    return options, words


def _assign(verb: Verb, words: list[str]) -> Iterator[str]:
    names, rest = iter(verb.positionals), []
    for word in words:
        if ASSIGNMENT.match(word):
            yield word
        elif name := next(names, None):
            yield f"{name}={quote(word)}"
        elif verb.rest:
            rest.append(quote(word))
        else:
            raise ConfigError(f"'{word}' is no setting; write key=value, or see `jpt {verb.name} --help`")
    if rest:
        yield f"{verb.rest}=[{','.join(rest)}]"


def quote(value: str) -> str:
    """Quote `value` so that Hydra takes it as one literal string."""
    escaped = re.sub(r"(\\*)'", r"\1\1\\'", value)
    trailing = len(escaped) - len(escaped.rstrip("\\"))
    return f"'{escaped}{trailing * chr(92)}'"
