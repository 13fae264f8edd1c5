"""The families of registered members: every extension point of the project, see `jptransfer.registration`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from jptransfer.registration import Entry, Registry


@dataclass(frozen=True)
class StageEntry(Entry):
    """A stage; `after`: stages that stand before it in the pipeline; None: it comes last."""

    after: tuple[str, ...] | None = None


class Stages(Registry[StageEntry]):
    """The stages in the order of the pipeline, whichever was imported first; equals by name."""

    _known: dict[str, StageEntry] = {}
    _ordered: dict[str, StageEntry] = {}

    @property
    def entries(self) -> dict[str, StageEntry]:
        """Name -> entry, in the order of the pipeline."""
        self.discover()
        if self._known != self.known:
            self._known, self._ordered = dict(self.known), {name: self.known[name] for name in self._in_order()}
        return self._ordered

    def _in_order(self) -> list[str]:
        placed = {name: entry.after for name, entry in self.known.items() if entry.after is not None}
        before = {name: self.known.keys() & after for name, after in placed.items()}
        order: list[str] = []
        while len(order) < len(before):
            ready = sorted(name for name in before if name not in order and before[name] <= {*order})
            if not ready:
                raise ValueError(f"no order of stages: each comes after another of {sorted(before.keys() - {*order})}")
            order += ready
        return [*order, *(name for name in self.known if name not in before)]


@dataclass(frozen=True)
class SourceEntry(Entry):
    """A reader of running text.

    Attributes:
        needs: the inputs that it reads in place of a path.
        columns: whether it reads the settings `columns` and `where`.
        split: whether it reads the setting `split`.
        encoding: whether it decodes files, by the setting `encoding`, and so tells how many bytes of them it has read.
    """

    needs: tuple[str, ...] = ()
    columns: bool = False
    split: bool = False
    encoding: bool = True


@dataclass(frozen=True)
class TokenizerEntry(Entry):
    """A kind of tokenizer.

    Attributes:
        trained: whether it learns from text, and reads the settings of the sample that it learns from.
        words: what it is cut from: `any` words, those of `mecab` alone; empty: it is not cut from words.
        vocab_size, min_frequency, alphabet_coverage, source: whether it reads the setting of that name.
    """

    trained: bool = True
    words: str = ""
    vocab_size: bool = False
    min_frequency: bool = False
    alphabet_coverage: bool = False
    source: bool = False


@dataclass(frozen=True)
class EncoderEntry(Entry):
    """An architecture.

    Attributes:
        learner: how its task models are trained unless `finetuning.learner` names another way.
        objectives: language-modelling objectives that it can be trained with; none: it has no language model.
        head: head for whole texts where none is asked for; empty: transformers has one for the architecture.
        tokenizers: kinds of tokenizer whose ids it reads; none: any.
        groups: layer groups below the head that it can have, see `transfer.groups`.
        windows: whether it carries a state from window to window of a text, see `models.windows.WindowReader`.
        cells: whether it can return the cells of an LSTM as its states, see `config.features.States`.
    """

    learner: str = "encoder"
    objectives: tuple[str, ...] = ()
    head: str = "pooled"
    tokenizers: tuple[str, ...] = ()
    groups: tuple[str, ...] = ("embeddings", "layer.*")
    windows: bool = False
    cells: bool = False


MASKED = "masked"
"""Stands, among the architectures that an objective trains, for every masked language model of transformers."""


@dataclass(frozen=True)
class ObjectiveEntry(Entry):
    """An objective; `trains`: architectures that it trains beside those whose own rows name it, see `MASKED`."""

    trains: tuple[str, ...] = ()


@dataclass(frozen=True)
class LeveledEntry(Entry):
    """A head; `level`: what gets scores, `sequence` (a text) or `token`."""

    level: str = ""


@dataclass(frozen=True)
class LearnerEntry(Entry):
    """A learner.

    Attributes:
        needs: its inputs besides the data set.
        level: what it can give scores to; empty: both levels.
        losses: losses that it can minimise; none: any.
    """

    needs: tuple[str, ...] = ()
    level: str = ""
    losses: tuple[str, ...] = ()


@dataclass(frozen=True)
class ProbeEntry(Entry):
    """A probe; `needs`: its inputs, of dataset, features, tokenizer and language_model."""

    needs: tuple[str, ...] = ()


@dataclass(frozen=True)
class DatasetEntry(Entry):
    """A reader of labelled data.

    Attributes:
        pairs: whether it reads the column of second texts, `task.text_pair_column`.
        files: the only names that `task.files` may have; empty: any split, or `all`; None: it reads no files.
        more_files: names that `task.files` may have in addition.
    """

    pairs: bool = False
    files: tuple[str, ...] | None = ()
    more_files: tuple[str, ...] = ()


@dataclass(frozen=True)
class ScheduleEntry(Entry):
    """A schedule; `warmup`: whether it reads the setting `warmup`."""

    warmup: bool = False


SETTINGS = "_settings"
"""End of the names of light modules that register what a heavy module beside each of them implements."""

STAGES = Stages("stage", StageEntry, ("jptransfer.stages",))
"""Each describes itself in an object `STAGE` of its module."""

SOURCES = Registry("source format", SourceEntry, ("jptransfer.corpora",), SETTINGS)

CLEANERS: Registry[Entry] = Registry("cleaning step", packages=("jptransfer.text",), suffix=SETTINGS)

TOKENIZERS = Registry("tokenizer", TokenizerEntry, ("jptransfer.text",), SETTINGS)

MODELS = Registry("model architecture", EncoderEntry, ("jptransfer.models.encoders", "jptransfer.learners"), SETTINGS)

OBJECTIVES = Registry("objective", ObjectiveEntry, ("jptransfer.objectives",), SETTINGS)

HEADS = Registry("head", LeveledEntry, ("jptransfer.models.heads",), SETTINGS)

OPTIMIZERS: Registry[Entry] = Registry("optimizer", packages=("jptransfer.training.optimizers",))

SCHEDULES = Registry("schedule", ScheduleEntry, ("jptransfer.training.schedules",))

LEARNERS = Registry("learner", LearnerEntry, ("jptransfer.learners",), SETTINGS)

PROBES = Registry("probe", ProbeEntry, ("jptransfer.probes",), SETTINGS)

TASKS: Registry[Entry] = Registry("task", packages=("jptransfer.tasks",), suffix=SETTINGS)

LOSSES: Registry[Entry] = Registry("loss", packages=("jptransfer.learners",), suffix=SETTINGS)

DATASETS = Registry("data set", DatasetEntry, ("jptransfer.datasets",), SETTINGS)

METRICS: Registry[Entry] = Registry("metric", packages=("jptransfer.evaluation",), suffix=SETTINGS)

CELLS: Registry[Entry] = Registry("kind of cell", packages=("jptransfer.suites",), suffix=SETTINGS)

LAYOUTS: Registry[Entry] = Registry("layout", packages=("jptransfer.suites",), suffix=SETTINGS)

FIGURES: Registry[Entry] = Registry("kind of figure", packages=("jptransfer.suites",), suffix=SETTINGS)

ALL: dict[str, Registry[Any]] = {
    "stages": STAGES, "sources": SOURCES, "cleaners": CLEANERS, "tokenizers": TOKENIZERS, "models": MODELS,
    "objectives": OBJECTIVES, "heads": HEADS, "optimizers": OPTIMIZERS, "schedules": SCHEDULES, "learners": LEARNERS,
    "probes": PROBES,
    "tasks": TASKS, "losses": LOSSES, "datasets": DATASETS, "metrics": METRICS,
    "cells": CELLS, "layouts": LAYOUTS, "figures": FIGURES,
}


def objectives_for(architecture: str) -> tuple[str, ...]:
    """Return the objectives that train an architecture (or `MASKED`), those of its own row first."""
    own = MODELS.entries[architecture].objectives if architecture in MODELS else ()
    more = (name for name, entry in OBJECTIVES.entries.items() if architecture in entry.trains and name not in own)
    return (*own, *more)
