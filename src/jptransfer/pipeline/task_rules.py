"""Rules between the kind of task and other settings, checked before anything is built."""

from __future__ import annotations

from dataclasses import replace

from jptransfer.config.finetuning import ClassWeights
from jptransfer.config.run import Config
from jptransfer.config.task import TaskConfig, WordSource
from jptransfer.errors import ConfigError
from jptransfer.registry import DATASETS, HEADS, LEARNERS, TASKS
from jptransfer.tasks.abilities import Labelled, Tokenized
from jptransfer.tasks.base import Level, Task, load_kind


def task_kind(task: TaskConfig) -> type[Task]:
    """Return the class of the task's kind, after the settings of the data set were checked against it.

    Raises:
        ConfigError: an unknown kind, or settings that mean nothing for it.
    """
    kind = load_kind(TASKS.check(task.kind, "task.kind"))
    if not issubclass(kind, Labelled):
        for name in ("labels", "label_map"):
            if vars(task)[name]:
                raise ConfigError(f"task.{name}: a task of kind {task.kind} has no labels; leave it out")
    if task.word_source is not WordSource.gold and not issubclass(kind, Tokenized):
        raise ConfigError(f"task.word_source: it is for tagged texts (task.kind=ner), and this task is {task.kind}")
    reader = DATASETS.entries[DATASETS.check(task.dataset, "task.dataset")] if task.dataset else None
    if task.text_pair_column and reader and not reader.pairs:
        able = ", ".join(name for name, entry in DATASETS.entries.items() if entry.pairs)
        raise ConfigError(f"task.text_pair_column: data set '{task.dataset}' has no second texts; these readers have: "
                          f"{able}")
    return kind


def check_task(config: Config, kind: type[Task], learner: str) -> None:
    """Check the settings of fine-tuning and evaluation against the kind of task.

    Raises:
        ConfigError: a learner or head that cannot do the task, settings that mean nothing for it, a metric of another
            kind.
    """
    _check_learner(config, kind, learner)
    _check_head(config, kind, learner)
    settings = replace(config.finetuning, learner=learner).own
    if not issubclass(kind, Labelled):
        for name, unset in (("class_weights", ClassWeights.none), ("label_smoothing", 0.0)):
            if getattr(settings, name, unset) != unset:
                raise ConfigError(f"finetuning.{learner}.{name}: a task of kind {kind.kind} has no labels; leave it "
                                  "out")
    _check_metric(f"finetuning.{learner}.metric_for_best_model", getattr(settings, "metric_for_best_model", ""), kind)
    _check_metric("report.metric", config.report.metric, kind)
    for name in config.evaluation.metrics:
        _check_metric("evaluation.metrics", name, kind)


def _check_learner(config: Config, kind: type[Task], learner: str) -> None:
    able, name = LEARNERS.entries[learner], config.model.architecture
    if able.level not in ("", kind.output.level.value):
        raise ConfigError(f"model={name} is for classification, and this task is {kind.kind}; "
                          "take a model that encodes text, such as bert_tiny")
    if able.losses and kind.output.loss not in able.losses:
        raise ConfigError(f"model={name} cannot learn a task of kind {kind.kind} (loss {kind.output.loss}); take a "
                          "model that encodes text, such as bert_tiny, or linear_tfidf")


def _check_head(config: Config, kind: type[Task], learner: str) -> None:
    head, level = config.finetuning.encoder.head.name, kind.output.level.value
    if learner != "encoder" or not head or HEADS.entries[HEADS.check(head)].level == level:
        return
    scores = "whole texts" if kind.output.level is Level.token else "every token"
    fitting = ", ".join(sorted(name for name, entry in HEADS.entries.items() if entry.level == level))
    raise ConfigError(f"finetuning.encoder.head.name: head '{head}' scores {scores}, and this task is {kind.kind}; "
                      f"for it there are: {fitting}")


def _check_metric(where: str, name: str, kind: type[Task]) -> None:
    from jptransfer.evaluation.metrics import load_metric

    if name:
        try:
            load_metric(name, kind)
        except ConfigError as error:
            raise ConfigError(f"{where}: {error}") from None
