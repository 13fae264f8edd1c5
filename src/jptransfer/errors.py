"""The one family of errors that a user is meant to read: a single line, exit code 2, never a traceback."""

from __future__ import annotations

import difflib
import errno
import os
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

QUOTED = 200
"""Characters of input that a message quotes."""
LONGEST_NAME, MOST_NAMES = 80, 200
"""Characters of a name, and names, that a message lists."""
_QUOTED = re.compile(rf"(?<![^\s(\[{{=:,])(['\"])((?:(?!\1)[^\n]){{{QUOTED}}})(?:(?!\1)[^\n])+\1(?!\w)")
_CONTROLS = re.compile("[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
_EXHAUSTED: tuple[tuple[tuple[int, ...], tuple[str, ...], tuple[str, ...], str], ...] = (
    ((errno.ENOSPC, errno.EDQUOT), (), (os.strerror(errno.ENOSPC), "PytorchStreamWriter failed writing"),
     "the disk is full: make room"),
    ((errno.EFBIG,), (), (os.strerror(errno.EFBIG),),
     "a file became larger than `ulimit -f` or the file system allows: allow larger files"),
    ((errno.ENOMEM,), ("MemoryError", "OutOfMemoryError"),
     ("can't allocate memory", os.strerror(errno.ENOMEM), "std::bad_alloc", "MemoryError", "can't start new thread",
      "failed to map segment from shared object", "cannot map zero-fill pages"),
     "out of memory: use smaller batches, fewer runtime.workers or more memory"),
    ((), ("BrokenProcessPool", "TerminatedWorkerError", "ProcessExitedException"), (),
     "a worker process was ended from outside, perhaps because memory ran out: with fewer runtime.workers or "
     "runtime.processes less is needed"),
    ((errno.EMFILE, errno.ENFILE), (), (), "too many files are open: raise `ulimit -n`"),
    ((errno.EIO,), (), (), "a disk or network drive failed (input/output error)"),
    ((), (), ("while decoding a JSON",), "a JSON file is nested too deeply: correct it"),
)
"""Numbers and names of errors, words in their messages, and what is said of them."""


class JptError(Exception):
    """A mistake the user can mend; the command line prints its message as one line and exits with 2."""


class ConfigError(JptError):
    """A wrong key, choice, type or value in the configuration."""


class DataError(JptError):
    """A file that is missing, truncated or not in the format its reader expects."""


class ArtifactError(JptError):
    """An artifact that is unknown, ambiguous, damaged or still needed."""


@contextmanager
def raising_as(what: str, error: type[JptError] = DataError) -> Iterator[None]:
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


class Unfinished(float):
    """NaN as the value of a job that the machine could not finish: the next call of a search runs it again."""

    def __new__(cls) -> Unfinished:
        """Make one; it has no parameters."""
        return super().__new__(cls, "nan")

    def __reduce__(self) -> tuple[type[Unfinished], tuple[()]]:
        """Survive the way from another process."""
        return Unfinished, ()


class WorkError(JptError):
    """What an interrupted run left behind cannot be read; the pipeline sets it aside and starts the stage again."""


def nearest(word: str, known: Iterable[str]) -> str:
    """Return `` (did you mean 'x'?)`` for the known name closest to `word`, or an empty string."""
    found = difflib.get_close_matches(word, list(known), n=1, cutoff=0.5)
    return f" (did you mean '{found[0]}'?)" if found else ""


def unknown(what: str, word: str, known: Iterable[str]) -> str:
    """Return the standard sentence for a name that is not among `known`: nearest first, then all of them.

    Names may come from a file, whose first line may be anything: long ones are cut, and so is the list.
    """
    names = sorted(one if len(one) <= LONGEST_NAME else f"{one[:LONGEST_NAME]}…" for one in known)
    more = f" and {len(names) - MOST_NAMES} more" if len(names) > MOST_NAMES else ""
    return f"unknown {what} '{word}'{nearest(word, names)}; there are: {', '.join(names[:MOST_NAMES]) or 'none'}{more}"


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


def exhausted(error: BaseException) -> str:
    """Return the line for an error whose cause is that the machine ran out of something; empty: it is another error.

    What was done until then is kept, so that the same command can go on.
    """
    found = causes(error)
    if isinstance(error, JptError):  # a reader that names the file which is nested too deeply has said what to do
        found = (one for one in found if not isinstance(one, RecursionError))
    return next(filter(None, map(_exhausted, found)), "")


def _exhausted(cause: BaseException) -> str:
    number, classes = getattr(cause, "errno", None), {one.__name__ for one in type(cause).__mro__}
    said = "" if isinstance(cause, JptError) else str(cause)  # libraries that are not Python's have words, no number
    for numbers, names, words, line in _EXHAUSTED:
        if number in numbers or classes & set(names) or any(word in said for word in words):
            return f"{line}; the same command goes on from here"
    return ""


def shown(text: str) -> str:
    """Return a message for the terminal: long quotations of input are cut, control characters are escaped."""
    return printable(_QUOTED.sub(lambda quoted: f"{quoted[1]}{quoted[2]}…{quoted[1]}", text))


def printable(text: str) -> str:
    """Return text in which characters that would control the terminal, or cannot be encoded, are escaped."""
    return _CONTROLS.sub(lambda one: one[0].encode("unicode_escape").decode("ascii"), text)
