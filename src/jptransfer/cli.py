"""``jpt <verb>``: takes the verb off the command line and hands over to Hydra. Imports nothing heavy before it must."""

from __future__ import annotations

import logging
import os
import signal
import sys

from jptransfer import plugins
from jptransfer.commands import VERBS, find_verb
from jptransfer.errors import JptError, shown


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
    plugins.start(argv[1:])  # they may bring verbs
    verb = find_verb(argv[0])
    if {"-h", "--help"} & set(argv[1:]):
        from jptransfer.commands.help import verb_help

        print(verb_help(verb, argv[1:]))
        return 0
    from jptransfer.commands.launch import launch

    return launch(verb, argv[1:])


def overview() -> str:
    """Return the page of ``jpt --help``: every verb with a line."""
    lines = {verb.name: f"  {verb.name:<10} {verb.help}" for verb in VERBS.values()}
    stages = [line for name, line in lines.items() if VERBS[name].is_experiment]
    return "\n".join([
        "usage: jpt VERB [group=choice ...] [key=value ...] [-m]", "",
        "Reproducible transfer-learning experiments for Japanese text.", "",
        "Stages, in order; each builds what it needs first:", *stages,
        "Results and models:", *(line for line in lines.values() if line not in stages), "",
        "jpt VERB --help                  examples, groups and settings of a verb",
        "jpt run +experiment=quickstart   every stage on toy data, in about a minute"])
