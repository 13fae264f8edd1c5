"""Settings in the messages of stages, which know their own section alone, by the paths that a user types."""

from __future__ import annotations

import re

from jptransfer.config.describe import settings
from jptransfer.config.hints import hint_at
from jptransfer.config.run import Config
from jptransfer.registration import schema_cache

NAMED = re.compile(r"(?<![\w./'\"=\[-])[a-z][a-z_0-9]*(?:\.\w+)*(?==)|(?<![\w./'\"=\[-])[a-z][a-z_]*(?:\.[a-z]\w*)+"
                   r"|^[a-z][a-z_0-9]*(?=:)")
"""What may be a setting: a word before ``=``, words joined by dots, a word that begins the message before a colon."""
TWINS = {"domain": "corpus"}
"""Section -> the section whose name stages use for both."""


def qualified(message: str, section: str) -> str:
    """Return `message` with the settings of `section` that it names by their whole paths.

    A stage that gets ``on_error`` or ``objective.name`` does not know in which section it was given.
    """
    return NAMED.sub(lambda found: _path(found[0], section), message)


def _path(word: str, section: str) -> str:
    first, _, rest = word.partition(".")
    if rest and first == TWINS.get(section):
        return f"{section}.{rest}"
    if hint_at([first], Config) is not None:
        return word
    inside = [path for path in _paths(section) if path == f"{section}.{word}" or path.endswith(f".{word}")]
    return min(inside, key=lambda path: path.count("."), default=word)


@schema_cache
def _paths(section: str) -> list[str]:
    return [one.path for one in settings(Config) if one.path.startswith(f"{section}.") and "<name>" not in one.path]
