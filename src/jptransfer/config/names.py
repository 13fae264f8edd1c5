"""Names that users give and that become names of files and folders."""

from __future__ import annotations

import os
import unicodedata

from jptransfer.errors import ConfigError

NAME_BYTES = 255
"""Bytes that the usual file systems allow in the name of a file or folder."""
ID_BYTES = 13
"""Bytes that the id adds to the name of an artifact's folder: ``-<12 hex>``."""


def name_error(name: str, suffix_bytes: int = ID_BYTES) -> str:
    """Return why `name` cannot name a file or folder, or an empty string.

    Args:
        suffix_bytes: what is added to the name.
    """
    if not name or name.startswith(".") or "/" in name or "\0" in name:
        return "cannot name a file or folder: no '/' in it, no '.' at its start, not empty"
    if has_controls(name):
        return "cannot name a file or folder: it has control characters or invalid Unicode"
    size, most = len(os.fsencode(name)), NAME_BYTES - suffix_bytes
    return f"is too long to name a file or folder: {size} bytes in UTF-8, at most {most}" if size > most else ""


def has_controls(name: str) -> bool:
    """Whether a name has control characters, or surrogates that stand for bytes that are not UTF-8."""
    return any(unicodedata.category(letter) in ("Cc", "Cs") for letter in name)


def has_surrogates(text: str) -> bool:
    """Whether a text has surrogates, which stand for bytes that are not UTF-8."""
    return any(unicodedata.category(letter) == "Cs" for letter in text)


def check_name(setting: str, name: str, suffix_bytes: int = ID_BYTES) -> None:
    """Raise `ConfigError` if the value of `setting` cannot name a file or folder, see `name_error`."""
    if error := name_error(name, suffix_bytes):
        raise ConfigError(f"{setting}: {shortened(name)!r} {error}")


def shortened(name: str) -> str:
    """Return at most 40 characters of a name."""
    return name if len(name) <= 40 else f"{name[:39]}…"
