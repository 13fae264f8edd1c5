"""``jpt <verb>``: takes the verb off the command line and hands over to Hydra. Imports nothing heavy before it must."""

from __future__ import annotations

import logging
import os
import signal
import sys

from jptransfer.commands import VERBS, Verb, find_verb
from jptransfer.errors import ConfigError, JptError, shown


def main(argv: list[str] | None = None) -> None:
    """Run one command line and exit: 0 done, 2 a mistake of the user, 130 interrupted, 143 terminated, 1 else."""
    signal.signal(signal.SIGTERM, _terminate)
    logging.raiseExceptions = False  # a log on a full disk must not print a traceback per line
    try:
        code = dispatch(sys.argv[1:] if argv is None else argv)
        sys.stdout.flush()
        sys.exit(code)
    except OSError as error:
        from jptransfer.commands.job import report_error

        code = report_error(error)
        _drop_output()
        sys.exit(code)
    except SystemExit as end:
        if end.code:
            _drop_output()
        raise
    except JptError as error:
        print(f"error: {shown(str(error))}", file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt as stop:
        word, number = ("terminated", signal.SIGTERM) if stop.args else ("interrupted", signal.SIGINT)
        print(f"{word}; the same command goes on from here", file=sys.stderr)
        sys.exit(128 + number)


def _drop_output() -> None:
    """Let go of what standard output does not take, which Python would complain about at the end."""
    try:
        sys.stdout.flush()
    except (OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


def _terminate(*_: object) -> None:
    """End on SIGTERM, as batch systems send it, like on Ctrl-C: other processes are ended, files closed."""
    raise KeyboardInterrupt("SIGTERM")


def dispatch(argv: list[str]) -> int:
    """Run the verb that `argv` starts with, or print the list of verbs."""
    if not argv or argv[0] in ("-h", "--help"):
        print(overview())
        return 0
    if argv[0] == "--version":
        from jptransfer import __version__

        print(f"jptransfer {__version__}")
        return 0
    verb = find_verb(argv[0])
    if {"-h", "--help"} & set(argv[1:]):
        from jptransfer.commands.help import verb_help

        print(verb_help(verb))
        return 0
    return answer(verb, argv) if verb.is_experiment else hand_over(verb, argv[1:])


def answer(verb: Verb, argv: list[str]) -> int:
    """Print again what the same command printed, if it still would; otherwise hand over to Hydra."""
    from jptransfer.commands.memory import current, memory_of

    memory = memory_of(argv)
    if memory and (printed := memory.recall()) is not None:
        print(printed, end="")
        return 0
    token = current.set(memory)
    try:
        return hand_over(verb, argv[1:])
    finally:
        current.reset(token)


def overview() -> str:
    """The page of ``jpt --help``: every verb with a line."""
    lines = [f"  {verb.name:<10} {verb.help}" for verb in VERBS.values()]
    return "\n".join([
        "usage: jpt <verb> [group=choice ...] [key=value ...] [-m]", "",
        "Reproducible transfer-learning experiments for Japanese text.", "", *lines, "",
        "jpt <verb> --help   groups, choices and every setting of a verb",
        "jpt run +experiment=quickstart   the whole way on toy data, in two minutes"])


def hand_over(verb: Verb, arguments: list[str]) -> int:
    """Give the command line to Hydra; its errors come back as one line."""
    import hydra

    from jptransfer.commands.arguments import hydra_arguments
    from jptransfer.commands.compose import register
    from jptransfer.commands.job import job, report_error
    from jptransfer.commands.messages import explain
    from jptransfer.resources import resource

    sys.argv = [sys.argv[0], *hydra_arguments(verb, arguments)]
    if os.environ.get("HYDRA_FULL_ERROR") == "1":
        os.environ["JPT_DEBUG"] = "1"
    os.environ["HYDRA_FULL_ERROR"] = "1"  # makes Hydra raise its errors here in place of printing them
    register(verb)
    try:
        hydra.main(version_base="1.3", config_path=str(resource("configs")), config_name=verb.name)(job)()
    except Exception as error:
        line = explain(error, verb.config_class)
        if line is None:
            return report_error(error)
        wrapped = ConfigError(line)
        wrapped.__cause__ = error
        return report_error(wrapped)
    return 0
