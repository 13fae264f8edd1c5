"""Settings of a labelled data set and the task that it is used for."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from enum import Enum

from jptransfer.config.fields import setting
from jptransfer.config.text import OnError
from jptransfer.errors import ConfigError, unknown
from jptransfer.registration import WithMembers
from jptransfer.registry import DATASETS

SPLITS = ("train", "validation", "development", "test")
"""Usual splits of a labelled data set, in order. Files may have others, such as ``test_news``, see `RolesConfig`."""
POOL = "all"
"""Name of a file, or of examples, that are not divided into splits."""
SYNONYMS = {"training": "train", "valid": "validation", "val": "validation", "trial": "validation",
            "dev": "development"}
SPLIT_NAME = re.compile(r"[a-z][a-z0-9_-]{0,59}")
OWN_SPLIT = re.compile(rf"({'|'.join(SPLITS)})[_-][a-z0-9_-]+")
SPLIT_NAMES = f"{', '.join(SPLITS)}, or a name that begins with one of them, such as test_news"


def split_name(name: str, own: Collection[str] = ()) -> str | None:
    """Return the canonical name of a split: a usual one, or one that begins so, or one of `own`.

    Returns:
        ``development`` for ``Dev``, ``test_news`` for itself; None if `name` does not name a split.
    """
    name = SYNONYMS.get(name.lower(), name.lower())
    return name if name in SPLITS or name in own or OWN_SPLIT.fullmatch(name) else None


def oracle_epoch(split: str) -> str:
    """Return the name of `split` as the epoch that is best on it predicts it."""
    return f"oracle_{split}_epoch"


def scored_split(name: str) -> str:
    """Return the split that the scores of this name are of: `test` for `test` and for ``oracle_test_epoch``."""
    found = re.fullmatch("oracle_(.+)_epoch", name)
    return found[1] if found else name


@dataclass
class RolesConfig:
    """Which split of the data set serves what."""

    fit: str = "train"
    """split that task models, and text taken from the task, learn from"""
    select: str = "validation"
    """split that one fine-tuning run chooses its epoch and the like on"""
    search: str = ""
    """split whose score a search over settings optimises; empty: development where there is one, else that of `select`
    """
    final: str = "test"
    """split that is evaluated where `evaluation.splits` names none; only evaluation reads it"""

    @property
    def named(self) -> list[str]:
        """Splits that have a role."""
        return [split for split in (self.fit, self.select, self.search, self.final) if split]

    def aliases(self, splits: Iterable[str]) -> dict[str, str]:
        """Return what splits of the files are called: development is validation where nothing else is.

        It stays itself where a role names it.
        """
        alone = "validation" not in splits and "development" not in self.named
        return {"development": "validation"} if alone else {}

    def resolved(self, splits: Collection[str]) -> RolesConfig:
        """Return the roles in a data set of these splits, `search` filled in."""
        both = "development" in splits and self.final != "development"
        return replace(self, search=self.search or ("development" if both else self.select))

    def validate(self) -> str:
        """Return what is wrong with the roles, if anything."""
        for role in ("fit", "select", "search", "final"):
            split = getattr(self, role)
            if split and not SPLIT_NAME.fullmatch(split) or not split and role in ("fit", "final"):
                return f".{role}: '{split}' cannot name a split: lower-case letters, digits, _ and - are needed"
            if role != "final" and split == self.final:
                return f".{role}: '{split}' is the split of task.roles.final, which only evaluation may read"
        return ""


class WordSource(Enum):
    """Analyzer of a tagger where the files have words of their own."""

    gold = "gold"
    tokenizer = "tokenizer"


class DroppedEntities(Enum):
    """What goes with an entity whose type is renamed to nothing."""

    entity = "entity"
    sentence = "sentence"
    mask = "mask"


@DATASETS.sections("dataset")
@dataclass
class TaskConfig(WithMembers):
    """A labelled data set, its task, and the settings of its reader, a section each."""

    name: str = setting("task", label=True)
    """label of the artifacts"""
    kind: str = setting("classification", registry="tasks")
    """see `jpt ls kinds`"""
    dataset: str = setting("", registry="datasets")
    """reader of its official files, see `jpt ls datasets`; empty: no task"""
    files: dict[str, str] = setting(factory=dict, external=True)
    """train, validation, development (or dev), test, a name such as test_news, or `all` for a file that holds every
    split -> file, folder or archive"""
    roles: RolesConfig = setting(factory=RolesConfig)
    """which split fine-tuning, searches and evaluation read"""
    text_column: str = "text"
    """text_file, yahoo_movies, span_json: column of the text, by name, or by number where there is no header"""
    text_pair_column: str = setting("", omit_when="")
    """text_file: column of a second text, by name or number, for tasks on pairs of texts; empty: none"""
    label_column: str = "label"
    """text_file, yahoo_movies: column of the label, by name, or by number where there is no header"""
    labels: list[str] = setting(factory=list)
    """labels in order; empty: discovered in the training split, sorted"""
    label_map: dict[str, str] = setting(factory=dict)
    """rename labels; an empty name drops the example (classification) or the entity (ner, see `dropped_entities`)"""
    dropped_entities: DroppedEntities = setting(DroppedEntities.entity, omit_when=DroppedEntities.entity)
    """ner, an empty name in `label_map`: drop the entity, its sentence, or mask: neither learnt nor scored there"""
    word_source: WordSource = setting(WordSource.gold, omit_when=WordSource.gold)
    """ner: tag the files' own words where they have them (gold), or the tokenizer's units of the text"""
    encoding: str = "utf-8"
    """character encoding of the files"""
    validation_fraction: float = setting(0.1, low=0.0, high=0.9)
    """share of examples made into a validation split where a role names it and the files have none"""
    test_fraction: float = setting(0.1, low=0.0, high=0.9)
    """share of examples made into a test split where a role names it and the files have none"""
    stratify: bool = True
    """keep the labels' shares when a split is made (classification)"""
    seed: int = setting(0, low=0)
    """seed of splits that are made"""
    expected: dict[str, int] = setting(factory=dict)
    """split -> number of examples the files must give"""
    on_error: OnError = OnError.stop
    """malformed rows: stop with an error, or skip, count and report"""

    def named_files(self) -> dict[str, str]:
        """Return the files by the canonical names of their splits, in order; those in addition to splits are the last.

        Raises:
            ConfigError: no file is named, a name is unknown or given twice, or `all` is given together with splits.
        """
        entry = DATASETS.entries.get(self.dataset)
        only, more = (entry.files, entry.more_files) if entry else ((), ())
        if only is None:
            if any(self.files.values()):
                raise ConfigError(f"task.files: data set '{self.dataset}' does not read files")
            return {}
        taken = only or (*SPLITS, POOL)
        named: dict[str, str] = {}
        for role, path in ((split_name(role, self.roles.named) or role, path) for role, path in self.files.items()):
            if path and role in named:
                raise ConfigError(f"task.files: '{role}' is named twice: {', '.join(self.files)}")
            if path and role not in (*taken, *more) and (only or not split_name(role, self.roles.named)):
                own = "" if only else "; splits may have other names that begin with one of these, such as test_news"
                raise ConfigError(f"task.files: {unknown('role', role, (*taken, *more))}{own}")
            named |= {role: path} if path else {}
        splits = [role for role in named if role not in more]
        if not splits:
            raise ConfigError(f"task.files: data set '{self.dataset}' needs files for: {', '.join(taken)}")
        if POOL in splits and len(splits) > 1:
            raise ConfigError(f"task.files: '{POOL}' cannot stand beside {', '.join(sorted({*splits} - {POOL}))}")
        if lacking := [role for role in only if role not in named]:
            raise ConfigError(f"task.files: data set '{self.dataset}' needs files for: {', '.join(lacking)}")
        if not only and POOL not in named and self.roles.fit not in named:
            raise ConfigError(f"task.files: there is no training file ({self.roles.fit}, or {POOL})")
        order = (*(only or SPLITS), *sorted({*splits} - {*SPLITS, POOL}), POOL, *more)
        return {role: named[role] for role in dict.fromkeys(order) if role in named}

    def declared_splits(self) -> list[str] | None:
        """Return the splits that the data set will have, as far as the configuration can tell; None: only files can."""
        given = [split_name(name, self.roles.named) for name, path in self.files.items() if path]
        found = [name for name in given if name]
        if not found or len(found) < len(given):
            return None
        aliases = self.roles.aliases(found)
        return [*(aliases.get(name, name) for name in found), *self.made_splits({aliases.get(n, n) for n in found})]

    def unknown_split(self, split: str) -> str:
        """Return the message for a split that the data set cannot have; empty for one that it may have."""
        declared = self.declared_splits()
        if declared is None and split_name(split, self.roles.named) == split or split in (declared or ()):
            return ""
        return unknown("split", split, declared or SPLITS)

    def made_splits(self, given: Collection[str]) -> dict[str, float]:
        """Return split -> share of the splits that are made because a role names them and the files lack them."""
        shares = {"test": self.test_fraction, "validation": self.validation_fraction}
        return {split: share for split, share in shares.items()
                if split not in given and split in self.roles.named and split != self.roles.fit and share > 0}

    def validate(self) -> str:
        """Return what is wrong with the labels, if anything."""
        for number, label in enumerate(self.labels):
            if not label.strip():
                return f".labels[{number}]: a label needs a name"
            if label in self.labels[:number]:
                return f".labels: '{label}' is there twice"
        return ""
