"""The form of a manifest: which values each of its fields may have, checked before anything uses them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Any

DEEPEST = 60
"""Levels of nesting in a manifest; far more than a configuration has, far less than recursion can go through."""
LONGEST = 10**12
"""Seconds that a stage may have taken."""
LARGEST = 1 << 63
"""Numbers of bytes and versions are below it."""
DIGEST = re.compile(r"[0-9a-f]{64}")
FLOAT_BITS = 1000
"""Bits of the largest whole number; floating point numbers end at 1024."""
WORD = re.compile(r"[a-z][a-z_]*")
SOURCE = re.compile(r"[a-z][a-z0-9_-]*")


def first_error(data: dict[str, Any]) -> str:
    """Return what is wrong with the form of a manifest, the first thing found; empty: nothing."""
    return next(_errors(data), "")


def is_digest(value: Any) -> bool:
    """Whether a value is a sha256 in hexadecimal digits."""
    return isinstance(value, str) and DIGEST.fullmatch(value) is not None


def is_count(value: Any) -> bool:
    """Whether a value is a whole number of at least 0 that 63 bits hold."""
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < LARGEST


def _errors(data: dict[str, Any]) -> Iterator[str]:
    if is_deep(data):
        yield f"it is nested deeper than {DEEPEST} levels"
        return
    if _has_huge(data):
        yield "it holds a number that is too large"
        return
    if not (isinstance(data["kind"], str) and WORD.fullmatch(data["kind"])):
        yield "kind is not the name of a kind"
    if not _is_name(data["name"]):
        yield "name is not a name"
    if not is_digest(data["fingerprint"]):
        yield "fingerprint is not 64 hexadecimal digits"
    seconds = data["seconds"]
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not 0 <= seconds < LONGEST:
        yield "seconds is not a duration"
    if data["seal"] != "" and not is_digest(data["seal"]):
        yield "seal is not 64 hexadecimal digits"
    if not isinstance(data["provenance"], dict):
        yield "provenance is not an object"
    yield from _recipe(data["recipe"])
    yield from _summary(data["summary"])
    yield from _files(data["files"])
    yield from _inputs(data["inputs"])


def _recipe(recipe: Any) -> Iterator[str]:
    if not isinstance(recipe, dict):
        yield "recipe is not an object"
        return
    if not isinstance(recipe.get("stage"), str):
        yield "recipe.stage is not a name"
    if not is_count(recipe.get("version", 1)):
        yield "recipe.version is not a number"
    if not isinstance(recipe.get("config", {}), dict):
        yield "recipe.config is not an object"
    inputs = recipe.get("inputs", {})
    if not (isinstance(inputs, dict) and all(isinstance(value, str) for value in inputs.values())):
        yield "recipe.inputs is not an object of fingerprints and digests"


def _summary(summary: Any) -> Iterator[str]:
    if not isinstance(summary, dict):
        yield "summary is not an object"
    elif not isinstance(summary.get("headline", ""), str) or not isinstance(summary.get("values", {}), dict):
        yield "summary is not a headline and values"


def _files(files: Any) -> Iterator[str]:
    if not isinstance(files, dict):
        yield "files is not an object"
        return
    for name, entry in files.items():
        if not _is_inside(name):
            yield f"files: {name!r} is not a name inside the artifact"
        elif not (isinstance(entry, dict) and is_count(entry.get("size")) and is_digest(entry.get("sha256"))):
            yield f"files: {name!r} has no size and sha256"


def _inputs(inputs: Any) -> Iterator[str]:
    if not isinstance(inputs, dict):
        yield "inputs is not an object"
        return
    for role, entry in inputs.items():
        strings = isinstance(entry, dict) and all(isinstance(value, str) for value in entry.values())
        named = strings and SOURCE.fullmatch(entry.get("kind", ""))
        if not (named and entry.keys() & {"fingerprint", "digest"}):
            yield f"inputs: {role!r} has no kind with a fingerprint or digest"


def _is_name(value: Any) -> bool:
    return isinstance(value, str) and bool(value) and value not in (".", "..") and not {"/", "\0"} & set(value)


def _is_inside(name: str) -> bool:
    path = PurePosixPath(name)
    return bool(path.parts) and not path.is_absolute() and ".." not in path.parts and "\0" not in name


def _has_huge(data: Any) -> bool:
    """Whether there is a whole number that no floating point number can stand for, as summaries are printed."""
    if isinstance(data, dict | list):
        return any(map(_has_huge, data.values() if isinstance(data, dict) else data))
    return isinstance(data, int) and data.bit_length() > FLOAT_BITS


def is_deep(data: Any) -> bool:
    """Whether containers are nested deeper than `DEEPEST`; found without recursion."""
    level = [data]
    for _ in range(DEEPEST):
        level = [inner for value in level if isinstance(value, dict | list)
                 for inner in (value.values() if isinstance(value, dict) else value)]
    return any(isinstance(value, dict | list) for value in level)
