"""Texts that Hydra and OmegaConf would read as something else, on their way through both.

OmegaConf takes ``???`` for a value that is missing, and Hydra reads the name ``1.50`` of a table's entry as a number.
Such a text travels as a word of plain letters (`written`) and is itself again in the typed configuration (`restored`).
"""

from __future__ import annotations

import dataclasses
import re
from typing import Any

MARK = "__text_"
WRITTEN = re.compile(rf"{MARK}([0-9a-f]+)(?![0-9a-f])")
NAME = re.compile(r"(?!(?i:true|false|null|inf|nan)$)[A-Za-z_][A-Za-z0-9_-]*")
"""A name that Hydra reads as it is written."""
MISSING = "???"


def written(text: str) -> str:
    """Return the word that stands for `text`."""
    return MARK + text.encode("utf-8", "surrogateescape").hex()


def name_written(text: str) -> str:
    """Return how the name of a table's entry is written for Hydra; one that is written already stays."""
    return text if NAME.fullmatch(text) else written(text)


def readable(line: str) -> str:
    """Return `line` with all words that stand for texts replaced by these."""
    return WRITTEN.sub(lambda found: bytes.fromhex(found[1]).decode("utf-8", "surrogateescape"), line)


def restored(value: Any) -> Any:
    """Return a configuration, or a value in one, with the texts themselves; dataclasses are changed in place."""
    if isinstance(value, str):
        return readable(value) if MARK in value else value
    if isinstance(value, list):
        return [restored(one) for one in value]
    if isinstance(value, dict):
        return {restored(key): restored(one) for key, one in value.items()}
    if dataclasses.is_dataclass(value):
        for name, one in vars(value).items():
            setattr(value, name, restored(one))
    return value
