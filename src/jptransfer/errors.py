"""The one family of errors that a user is meant to read: a single line, exit code 2, never a traceback."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager


class JptError(Exception):
    """A mistake the user can mend; the command line prints its message as one line and exits with 2."""


class ConfigError(JptError):
    """A wrong key, choice, type or value in the configuration."""


class DataError(JptError):
    """A file that is missing, truncated or not in the format its reader expects."""


class ArtifactError(JptError):
    """An artifact that is unknown, ambiguous, damaged or still needed."""


@contextmanager
def told(what: str, error: type[JptError] = DataError) -> Iterator[None]:
    """Turn whatever a library raises on a damaged file into one line that begins with `what`.

    For the few places where files are handed to libraries that name no error of their own. Mistakes that are one line
    already, and memory that ran out, stay what they are.
    """
    try:
        yield
    except (JptError, MemoryError):
        raise
    except Exception as cause:
        if type(cause).__name__ == "OutOfMemoryError":  # torch's, which this module must not import
            raise
        raise error(f"{what} ({reason(cause)})") from cause


class WorkError(JptError):
    """What an interrupted run left behind cannot be read; the pipeline sets it aside and starts the stage again."""


def nearest(word: str, known: Iterable[str]) -> str:
    """Return `` (did you mean 'x'?)`` for the known name closest to `word`, or an empty string."""
    found = difflib.get_close_matches(word, list(known), n=1, cutoff=0.5)
    return f" (did you mean '{found[0]}'?)" if found else ""


def unknown(what: str, word: str, known: Iterable[str]) -> str:
    """Return the standard sentence for a name that is not among `known`: nearest first, then all of them."""
    names = sorted(known)
    return f"unknown {what} '{word}'{nearest(word, names)}; there are: {', '.join(names) or 'none'}"


def causes(error: BaseException | None) -> Iterator[BaseException]:
    """Yield an error and those behind it."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def first_line(text: str) -> str:
    """Return the first line of a message that may have several."""
    return text.strip().split("\n")[0]


def reason(error: BaseException) -> str:
    """Return the first line of what an error says; one that says nothing: the name of its class."""
    return first_line(str(error)) or type(error).__name__
