"""Digests of what lies outside the store: raw files, folders, dictionaries, models and data sets of a hub."""

from __future__ import annotations

import copy
import difflib
import glob
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any, TypeVar

from jptransfer.artifacts import Store
from jptransfer.artifacts.fingerprint import External, externals
from jptransfer.config.text import CorpusConfig, OnError
from jptransfer.data_sources import DataSource, source_of
from jptransfer.errors import ConfigError, nearest, reason
from jptransfer.files import is_stream
from jptransfer.hub import HUB, split_reference

COMMIT = re.compile(r"[0-9a-f]{40}")
MODEL, DATASET = "hub", "hub-dataset"
"""Kinds of digests of what a hub holds."""
MODEL_SECTION = "model"
"""Part of a stage's configuration that has the same name in the user's."""

Section = TypeVar("Section")


@cache
def hub_commit(reference: str, repo_type: str) -> str:
    """Return the commit a hub reference stands for; a full commit needs no network.

    Raises:
        ConfigError: the hub can't be reached or has no such repository or revision.
    """
    name, revision = split_reference(reference)
    revision = revision or "main"
    if COMMIT.fullmatch(revision):
        return revision
    from huggingface_hub import HfApi

    try:
        return HfApi().repo_info(name, revision=revision, repo_type=repo_type).sha or revision
    except Exception as error:
        raise ConfigError(f"can't look up {repo_type} '{name}' at '{revision}' on the hub ({reason(error)}); "
                          f"name a full commit (hf:{name}@<40 hex>) or a local folder") from error


def pinned(reference: str) -> str:
    """Return ``hub:name@commit``, the identity of a model or tokenizer of the hub."""
    return f"{MODEL}:{split_reference(reference)[0]}@{hub_commit(reference, 'model')}"


def _pinned_dataset(reference: str) -> str:
    return f"{DATASET}:{split_reference(reference)[0]}@{hub_commit(reference, 'dataset')}"


def resolve_revisions(config: Section, digests: Mapping[str, str]) -> Section:
    """Return a copy of `config` whose hub references name the commits of `digests`, see `external_inputs`.

    A stage that runs hours after its plan so reads what the identity speaks of, wherever the branch has gone since.
    """
    config = copy.deepcopy(config)
    for place in externals(config):
        kind, _, exact = digests[place.where].partition(":")
        if kind in (MODEL, DATASET):
            setattr(place.owner, place.where.rpartition(".")[2], HUB + exact)
    return config


class MissingFileError(ConfigError):
    """Paths that a configuration names are not there."""

    def __init__(self, message: str, paths: Sequence[str]) -> None:
        super().__init__(message)
        self.paths = tuple(paths)


@dataclass
class MissingFiles:
    """Paths of a configuration that are not there, collected while it is planned so that all are reported at once."""

    messages: dict[DataSource | None, list[str]] = field(default_factory=dict)
    paths: list[str] = field(default_factory=list)

    def add(self, source: DataSource | None, message: str, path: str) -> None:
        """Note a missing path and the official files that it belongs to, if any."""
        self.paths.append(path)
        known = self.messages.setdefault(source, [])
        if message not in known:
            known.append(message)

    def check(self) -> None:
        """Raise `MissingFileError` that names every missing path, if there is one."""
        if self.messages:
            raise MissingFileError(". Also ".join(
                "; ".join([*errors, *([f"get it from {source}"] if source else [])])
                for source, errors in self.messages.items()), self.paths)


def missing_file(where: str, value: str) -> MissingFileError:
    """Return the error for a path that is not there, naming the nearest file beside it."""
    path = Path(value)
    siblings = [p.name for p in path.parent.iterdir() if p.exists()] if path.parent.is_dir() else []
    hint = difflib.get_close_matches(path.name, siblings, n=1)
    tail = f" (did you mean '{path.parent / hint[0]}'?)" if hint else ""
    if not path.parent.is_dir() and not tail:
        tail = f"; the folder '{path.parent}' is not there either (official files are looked for under data_root=…)"
    return MissingFileError(f"{where}: no such file or folder: '{value}'{tail}", [value])


def digest_location(place: External, store: Store) -> str:
    """Return ``kind:digest`` for one external value of a configuration."""
    value = place.value
    is_dataset = getattr(place.owner, "format", "") == "hf"
    if value.startswith(HUB):
        return _pinned_dataset(value) if is_dataset else pinned(value)
    if is_stream(Path(value)):
        raise ConfigError(f"{place.where}: '{value}' is not a regular file; its content is read more than once (for "
                          "its identity, then by the stage), so save it to a file first")
    if Path(value).exists():
        return f"sha256:{store.digests.of_place(Path(value))}"
    matches = sorted(glob.glob(value, recursive=True)) if glob.has_magic(value) else []  # noqa: PTH207 absolute patterns
    if matches:
        base = Path(value[: re.search(r"[*?[]", value).start()]).parent  # type: ignore[union-attr]
        files = {str(Path(name).relative_to(base)): Path(name) for name in matches if Path(name).is_file()}
        return f"sha256:{store.digests.of_files(files)}"
    if place.mark == "dictionary":
        return _package_digest(place)
    if is_dataset:
        return _pinned_dataset(value)
    raise missing_file(place.where, value)


def _package_digest(place: External) -> str:
    if "/" in place.value:
        raise missing_file(place.where, place.value)
    try:
        return f"package:{place.value}=={metadata.version(place.value)}"
    except metadata.PackageNotFoundError:
        known = ("unidic-lite", "ipadic", "unidic")
        others = [one for one in known if one != place.value]
        get = f": pip install {place.value}" if place.value in known else ""
        raise ConfigError(f"{place.where}: no dictionary package '{place.value}' is installed"
                          f"{nearest(place.value, others)}{get}; a path of a compiled dictionary works too") from None


def changed_locations(node: Any, store: Store) -> Iterator[str]:
    """Yield the settings of a node, with their values, whose files are no longer those that it was planned with."""
    for place in externals(node.config):
        planned = node.externals[place.where]
        try:
            now = digest_location(place, store)
        except MissingFileError:
            now = f"missing:{place.value}" if planned.startswith("missing:") else "missing"
        if now != planned:
            yield f"{shown(place.where, node.section)}: '{place.value}'"


def shown(where: str, section: str) -> str:
    """Return how the user calls a field of a stage's configuration that came from `section`."""
    first, *rest = where.split(".")
    return ".".join([first if first == MODEL_SECTION else section, *rest])


def external_inputs(config: object, store: Store, section: str,
                    data_root: str) -> tuple[dict[str, str], list[tuple[DataSource | None, str, str]]]:
    """Return ``{dotted field: digest}`` of every external value of a stage's configuration, and what is missing.

    Messages name the field under `section`, the part of the user's configuration that the stage's came from. A path
    that is not there has a digest that begins with ``missing``. It is listed with its official files, a message and the
    path, unless it is a source of a corpus that skips what it cannot read.
    """
    corpus = getattr(config, "corpus", None)
    tolerant = isinstance(corpus, CorpusConfig) and corpus.on_error is OnError.skip
    found, missing = {}, []
    for place in externals(config):
        named = replace(place, where=shown(place.where, section))
        try:
            found[place.where] = digest_location(named, store)
        except MissingFileError as error:
            # Nodes that lack different files stay different, so that planning goes on to the other files.
            found[place.where] = "missing" if tolerant else f"missing:{place.value}"
            if not tolerant:
                missing.append((source_of(place.value, data_root), str(error), place.value))
    return found, missing
