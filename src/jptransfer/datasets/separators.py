"""Characters between the columns of a file, and their names in settings."""

from __future__ import annotations

from jptransfer.errors import unknown

SEPARATORS = {"tab": "\t", "comma": ",", "semicolon": ";", "pipe": "|", "space": " "}


def separator_error(name: str) -> str:
    """Return the message for a name that is neither in `SEPARATORS` nor a single character; empty if it is valid."""
    known = not name or name in SEPARATORS or len(name) == 1
    return "" if known else f".separator: {unknown('separator', name, SEPARATORS)}, or a single character"
