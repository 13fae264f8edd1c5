"""The families of registered members: every extension point of the project, see `jptransfer.registration`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from jptransfer.registration import Entry, Registry, Row


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
    """

    learner: str = "encoder"
    objectives: tuple[str, ...] = ()
    head: str = "pooled"
    tokenizers: tuple[str, ...] = ()
    groups: tuple[str, ...] = ("embeddings", "layer.*")


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


def _table(noun: str, rows: dict[str, tuple[Any, ...]], row: type[Row] = Entry) -> Registry[Row]:  # type: ignore[assignment]
    made = Registry(noun, row)
    for name, (target, help, *rest) in rows.items():
        made.add(name, f"jptransfer.{target}", help, **(rest[0] if rest else {}))
    return made


SETTINGS = "_settings"
"""End of the names of light modules that register what a heavy module beside each of them implements."""

STAGES: Registry[Entry] = _table("stage", {name: (f"stages.{name}:STAGE", "") for name in (
    "prepare_corpus", "prepare_dataset", "tokenize", "encode", "pretrain", "adapt", "finetune", "evaluate", "report")})
"""Stages in the order of the pipeline. Each describes itself, its help included, in an object `STAGE` of its module."""

SOURCES = Registry("source format", SourceEntry, ("jptransfer.corpora",), SETTINGS)

CLEANERS: Registry[Entry] = Registry("cleaning step", packages=("jptransfer.text",), suffix=SETTINGS)

TOKENIZERS = Registry("tokenizer", TokenizerEntry, ("jptransfer.text",), SETTINGS)

MODELS = Registry("model architecture", EncoderEntry, ("jptransfer.models.encoders", "jptransfer.learners"), SETTINGS)

OBJECTIVES = Registry("objective", ObjectiveEntry, ("jptransfer.objectives",), SETTINGS)

HEADS = Registry("head", LeveledEntry, ("jptransfer.models.heads",), SETTINGS)

OPTIMIZERS: Registry[Entry] = Registry("optimizer", packages=("jptransfer.training.optimizers",))

SCHEDULES = Registry("schedule", ScheduleEntry, ("jptransfer.training.schedules",))

LEARNERS = Registry("learner", LearnerEntry, ("jptransfer.learners",), SETTINGS)

TASKS: Registry[Entry] = _table("task", {
    "classification": ("tasks.classification:Classification", "one label per text"),
    "ner": ("tasks.ner:EntityRecognition", "typed spans of a text"),
    "regression": ("tasks.regression:Regression", "one number per text"),
})

LOSSES: Registry[Entry] = _table("loss", {
    "cross_entropy": ("learners.losses:CrossEntropy", "cross-entropy of one class, with class weights and smoothing"),
    "mse": ("learners.losses:SquaredError", "squared error of numbers"),
})

DATASETS = Registry("data set", DatasetEntry, ("jptransfer.datasets",), SETTINGS)

METRICS: Registry[Entry] = _table("metric", {
    "accuracy": ("evaluation.metrics:accuracy", "share of examples that are right"),
    "error_rate": ("evaluation.metrics:error_rate", "share of examples that are wrong"),
    "macro_f1": ("evaluation.metrics:macro_f1", "mean of the classes' F1"),
    "micro_f1": ("evaluation.metrics:micro_f1", "F1 over all decisions"),
    "kappa": ("evaluation.metrics:quadratic_kappa", "quadratic weighted kappa over ordered labels"),
    "entity_f1": ("evaluation.metrics:entity_f1", "F1 over entities as spans of characters, by conlleval's rule"),
    "entity_precision": ("evaluation.metrics:entity_precision", "precision over entities, see entity_f1"),
    "entity_recall": ("evaluation.metrics:entity_recall", "recall over entities, see entity_f1"),
    "unit_f1": ("evaluation.metrics:unit_f1", "conlleval's F1 over chunks of the tagged units; entities off their "
                                              "borders are widened to them"),
    "unit_precision": ("evaluation.metrics:unit_precision", "conlleval's precision over chunks of the tagged units"),
    "unit_recall": ("evaluation.metrics:unit_recall", "conlleval's recall over chunks of the tagged units"),
    "seqeval_f1": ("evaluation.seqeval_metrics:seqeval_f1", "F1 over chunks of the tagged units, by seqeval"),
    "seqeval_f1_strict": ("evaluation.seqeval_metrics:seqeval_f1_strict",
                          "F1 over chunks of the tagged units by seqeval, strict IOB2: only B- begins a chunk"),
    "pearson": ("evaluation.regression_metrics:pearson", "Pearson's correlation of predicted and gold numbers"),
    "spearman": ("evaluation.regression_metrics:spearman", "Spearman's rank correlation of predicted and gold numbers"),
    "mse": ("evaluation.regression_metrics:mse", "mean squared error of predicted numbers"),
    "token_accuracy": ("evaluation.metrics:token_accuracy", "share of units with the right tag, as conlleval has it"),
})

CELLS: Registry[Entry] = _table("kind of cell", {
    "evaluation": ("suites.cells:Evaluations", "score of a task model on the final split, over seeds"),
    "dataset": ("suites.cells:Counts", "what a data set holds: numbers of examples, of labels"),
})

LAYOUTS: Registry[Entry] = _table("layout", {
    "absolute": ("suites.layouts:absolute", "a row's scores as they are, the paper's beside ours"),
    "differences": ("suites.layouts:differences", "a baseline's scores, all other rows as differences from it"),
    "gains": ("suites.layouts:gains", "a first column's scores, the others' with what they gain on it in per cent"),
})

FIGURES: Registry[Entry] = _table("kind of figure", {
    "points": ("suites.figures:points", "a panel a column: ours with its interval, the paper's, a line a row"),
    "tag_frequency": ("suites.figures:tag_frequency", "how often each tag occurs, by rank: a curve a data set"),
    "learning_curve": ("suites.figures:learning_curve", "score over the number of training examples, a line a row"),
    "tag_arrows": ("suites.figures:tag_arrows", "an arrow a tag from the baseline's F1 to a row's, by frequency"),
})

ALL: dict[str, Registry[Any]] = {
    "stages": STAGES, "sources": SOURCES, "cleaners": CLEANERS, "tokenizers": TOKENIZERS, "models": MODELS,
    "objectives": OBJECTIVES, "heads": HEADS, "optimizers": OPTIMIZERS, "schedules": SCHEDULES, "learners": LEARNERS,
    "tasks": TASKS, "losses": LOSSES, "datasets": DATASETS, "metrics": METRICS,
    "cells": CELLS, "layouts": LAYOUTS, "figures": FIGURES,
}


def objectives_for(architecture: str) -> tuple[str, ...]:
    """Return the objectives that train an architecture (or `MASKED`), those of its own row first."""
    own = MODELS.entries[architecture].objectives if architecture in MODELS else ()
    more = (name for name, entry in OBJECTIVES.entries.items() if architecture in entry.trains and name not in own)
    return (*own, *more)
