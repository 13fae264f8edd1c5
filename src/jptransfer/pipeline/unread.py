"""Settings that nothing reads because they are those of a member of a family that was not chosen."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from typing import Any

from jptransfer import registry
from jptransfer.config.chosen import members_of
from jptransfer.config.hints import hint_at
from jptransfer.config.run import Config
from jptransfer.pipeline.rules.facts import architecture_of, is_encoder, is_given, learner_of, task_kind

LEARNER, HEAD, MODEL = "finetuning.", "finetuning.encoder.head.", "model."


def unread(path: str, config: Config) -> str:
    """Return why no member of a family that `config` chooses reads the setting at a dotted path; empty: one does.

    Settings that no choice is about are taken as read, and so are those below an entry or section that is not there.
    """
    section: Any = config
    before, words = "", path.split(".")
    for word in words:
        if isinstance(section, dict):
            section = section.get(word)
        elif not dataclasses.is_dataclass(section):
            return ""
        elif field := {one.name: one for one in dataclasses.fields(section)}.get(word):
            if why := next(_reasons(before, section, field, config), ""):
                return f"{path}: {why}"
            section = getattr(section, word)
        before += f"{word}."
    return ""


def depends_on_choices(path: str) -> bool:
    """Whether there are configurations in which a setting is not read, see `unread`."""
    hint: Any = Config
    for word in path.split("."):
        fields = dataclasses.fields(hint) if dataclasses.is_dataclass(hint) else ()
        if any(one.name == word and {"chosen_by", "read_if"} & set(one.metadata) for one in fields):
            return True
        hint = hint_at([word], hint)
    return False


def drop_unread(overrides: Sequence[str], config: Config) -> list[str]:
    """Return overrides that made `config` without those that only set what it does not read.

    Where it is made of other models as well, all are kept: their configurations have the same overrides.
    """
    if config.ensemble or config.transfer.build:
        return list(overrides)
    settings = ((one, *one.lstrip("+").partition("=")) for one in overrides)
    return [one for one, path, _, value in settings if value.startswith("{") or not unread(path, config)]


def _reasons(before: str, section: Any, field: dataclasses.Field[Any], config: Config) -> Iterator[str]:
    if choice := field.metadata.get("chosen_by"):
        chosen = _chosen(before, getattr(section, choice), config)
        if chosen is not None and field.name not in chosen:
            noun = _noun(section, choice)
            instead = " and ".join(map(repr, chosen)) or ("the encoder's own" if before == HEAD else "not chosen")
            yield (f"only {noun} '{field.name}' reads it, and here the {noun} is {instead}; leave it out, or give "
                   f"{before}{choice}={field.name}")
    if capability := field.metadata.get("read_if"):
        for table, name, entry in members_of(section):
            if not getattr(entry, capability):
                entries = registry.ALL[table].entries
                able = ", ".join(sorted(other for other in entries if getattr(entries[other], capability)))
                yield f"{registry.ALL[table].noun} '{name}' does not read it, but these do: {able}; leave it out"


def _noun(section: Any, choice: str) -> str:
    [field] = [one for one in dataclasses.fields(section) if one.name == choice]
    return registry.ALL[field.metadata["registry"]].noun


def _chosen(before: str, named: Any, config: Config) -> list[str] | None:
    """Return the members that a family's choice stands for; None: that is not known before a model is loaded."""
    if isinstance(named, list):
        return named
    if before == MODEL and is_given(config):
        return None
    if before == LEARNER and not named:
        return [learner_of(config)]
    if before != HEAD or named:
        return [named] if named else []
    if not is_encoder(config) or is_given(config) or not config.task.dataset:
        return None
    default = task_kind(config).output.head or architecture_of(config).head
    return [default] if default else []
