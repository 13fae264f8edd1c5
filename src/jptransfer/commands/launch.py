"""A verb's command line -> Hydra: options and positionals are read, the configuration is composed, the jobs are run."""

from __future__ import annotations

import argparse
import gc
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from hydra import version
from hydra._internal.callbacks import Callbacks
from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra._internal.hydra import Hydra
from hydra._internal.utils import create_config_search_path, get_args_parser
from hydra.core.config_search_path import ConfigSearchPath, SearchPathQuery
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.utils import run_job
from hydra.types import HydraContext, RunMode

from jptransfer.commands import Verb
from jptransfer.commands.compose import register
from jptransfer.commands.job import job, report_error
from jptransfer.commands.messages import explain
from jptransfer.commands.words import hydra_override, is_assignment, quote
from jptransfer.config.names import has_surrogates
from jptransfer.errors import ConfigError, nearest, unknown
from jptransfer.plugins import PluginsLoadedError
from jptransfer.resources import resource

ACTIONS = ("run", "multirun", "cfg", "info", "shell_completion", "hydra_help")
"""Options of which only one can be given."""


def launch(verb: Verb, words: list[str]) -> int:
    """Run `verb` with the words after it and return the exit code; errors are printed as one line."""
    try:
        try:
            _compose_and_run(verb, words)
        except PluginsLoadedError:  # a file of settings named them: now their settings are known
            _compose_and_run(verb, words)
    except Exception as error:
        if line := explain(error, verb.config_class):
            wrapped = ConfigError(line)
            wrapped.__cause__ = error
            return report_error(wrapped)
        return report_error(error)
    return 0


def _compose_and_run(verb: Verb, words: list[str]) -> None:
    arguments = parse(verb, words)
    register(verb)
    version.setbase("1.3")
    hydra = Hydra.create_main_hydra2(verb.name, _search_path(arguments))
    try:
        _run(hydra, arguments)
    finally:
        GlobalHydra.instance().clear()


def parse(verb: Verb, words: list[str]) -> argparse.Namespace:
    """Return Hydra's options, wherever they stand, and in `overrides` one override for each other word.

    Raises:
        ConfigError: an unknown option or value of an option, a positional that the verb does not take, or, where the
            words are recorded, a word that is not valid Unicode.
    """
    if verb.is_experiment or verb.schema == "ReproduceConfig":
        for word in words:
            if has_surrogates(word):
                raise ConfigError(f"'{word}' is not valid UTF-8, as names of files and settings must be; rename it")
    parser = get_args_parser()
    parser.error = _refuse  # type: ignore[method-assign, assignment]
    parser.allow_abbrev = False
    for action in parser._actions:
        if action.choices:
            action.type = partial(_one_of, action.option_strings[0], list(action.choices))
    for flag in verb.flags:
        parser.add_argument(f"--{flag}", action="store_true")
    arguments, others = parser.parse_known_intermixed_args(words)
    for word in others:
        raise ConfigError(f"unknown option '{word}'{nearest(word.partition('=')[0], parser._option_string_actions)}")
    if len(given := [f"--{name.replace('_', '-')}" for name in ACTIONS if getattr(arguments, name)]) > 1:
        raise ConfigError(f"{' and '.join(given)} cannot be combined")
    if arguments.experimental_rerun:
        raise ConfigError("--experimental-rerun is not supported: it would run a pickled configuration")
    if not arguments.cfg and (arguments.resolve or arguments.package):
        raise ConfigError(f"{'--resolve' if arguments.resolve else '--package'} goes with --cfg")
    arguments.overrides = [*_overrides(verb, arguments.overrides),
                           *(f"{flag}=true" for flag in verb.flags if getattr(arguments, flag))]
    arguments.config_name = arguments.config_name or verb.name
    return arguments


def _refuse(message: str) -> None:
    raise ConfigError(message)


def _one_of(option: str, choices: list[str], value: str) -> str:
    if value not in choices:
        raise ConfigError(unknown(f"value of {option}", value, choices))
    return value


def _overrides(verb: Verb, words: list[str]) -> Iterator[str]:
    names, rest = iter(verb.positionals), []
    for word in words:
        if is_assignment(word):
            yield hydra_override(word, verb.config_class)
        elif name := next(names, None):
            yield f"{name}={quote(word)}"
        elif verb.rest:
            rest.append(quote(word))
        else:
            raise ConfigError(f"'{word}' is not a setting; write key=value, or see `jpt {verb.name} --help all`")
    if rest:
        yield f"{verb.rest}=[{','.join(rest)}]"


def _search_path(arguments: argparse.Namespace) -> ConfigSearchPath:
    path = create_config_search_path(arguments.config_path or str(resource("configs")))
    if arguments.config_dir is not None:
        folder = Path(arguments.config_dir).absolute()
        if not folder.is_dir():
            raise ConfigError(f"--config-dir: '{folder}' not found")
        path.prepend("command-line", f"file://{folder}", SearchPathQuery(provider="schema"))
    return path


def _run(hydra: Hydra, arguments: argparse.Namespace) -> None:
    name, overrides = arguments.config_name, arguments.overrides
    if arguments.hydra_help:
        hydra.hydra_help(name, get_args_parser(), arguments)
    elif arguments.cfg:
        hydra.show_cfg(name, overrides, arguments.cfg, arguments.package, arguments.resolve)
    elif arguments.info:
        hydra.show_info(arguments.info, name, overrides)
    elif arguments.shell_completion:
        hydra.shell_completion(name, overrides)
    elif arguments.multirun:
        hydra.multirun(name, job, [*overrides, "hydra.mode=MULTIRUN"])
    else:
        _run_job(hydra, name, overrides)


def _run_job(hydra: Hydra, name: str, overrides: list[str]) -> None:
    """Run a single job, or a sweep if a file sets `hydra.mode`.

    This is `Hydra.run` with one composition of the configuration: Hydra composes it once more only to read the mode.
    """
    gc.disable()  # a configuration is thousands of small objects that stay: looking for garbage among them is slow
    config = hydra.compose_config(name, overrides, RunMode.RUN, with_log_configuration=True,
                                  validate_sweep_overrides=False)
    gc.freeze()
    gc.enable()
    if config.hydra.mode is RunMode.MULTIRUN:
        hydra.multirun(name, job, overrides)
        return
    config.hydra.mode = RunMode.RUN
    parsed = OverridesParser.create().parse_overrides(overrides)
    ConfigLoaderImpl.validate_sweep_overrides_legal(parsed, RunMode.RUN, from_shell=True)
    callbacks = Callbacks(config)
    callbacks.on_run_start(config=config, config_name=name)
    done = run_job(job, config, "hydra.run.dir", None, HydraContext(hydra.config_loader, callbacks))
    callbacks.on_run_end(config=config, config_name=name, job_return=done)
    _ = done.return_value  # raises what the job raised
