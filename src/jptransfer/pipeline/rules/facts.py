"""What rules and planning functions ask of a configuration."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from jptransfer.config.run import Config
from jptransfer.config.text import TokenizerConfig
from jptransfer.registry import LEARNERS, MODELS, TASKS, TOKENIZERS, EncoderEntry, objectives_for
from jptransfer.transfer.groups import check_patterns

if TYPE_CHECKING:
    from jptransfer.tasks.base import Task

LM_WORDS = ("none", "pretrained", "adapted", "auto")
"""What `lm` may be besides a reference."""
FROM_SCRATCH = ("", "scratch")
"""What `init_from` may be besides a reference."""


def architecture_of(config: Config) -> EncoderEntry:
    """Return the registry's entry of the configured architecture."""
    return MODELS.entries[MODELS.check(config.model.architecture, "model.architecture")]


def is_trained(tokenizer: TokenizerConfig) -> bool:
    """Whether a tokenizer learns from text."""
    return TOKENIZERS.entries[TOKENIZERS.check(tokenizer.kind, "tokenizer.kind")].trained


def names_model(config: Config) -> bool:
    """Whether `lm` names a language model that was made elsewhere."""
    return config.lm not in LM_WORDS


def starts_from_model(config: Config) -> bool:
    """Whether `pretraining.init_from` names a language model that was made elsewhere."""
    return config.pretraining.init_from not in FROM_SCRATCH


def is_given(config: Config) -> bool:
    """Whether the run builds on a language model that was made elsewhere, with its own architecture and tokenizer."""
    return names_model(config) or starts_from_model(config)


def has_language_model(config: Config) -> bool:
    """Whether there is a language model to train or to take: not every architecture has one."""
    return names_model(config) or bool(objectives_of(config))


def objectives_of(config: Config) -> tuple[str, ...]:
    """Return the objectives that train the configured architecture."""
    return objectives_for(MODELS.check(config.model.architecture, "model.architecture"))


def task_architecture(config: Config) -> EncoderEntry | None:
    """Return the architecture of the task model; `None`: that of a model made elsewhere, which its files say."""
    from_scratch = config.lm == "none" or not has_language_model(config)
    return architecture_of(config) if from_scratch or not is_given(config) else None


def task_kind(config: Config) -> type[Task]:
    """Return the class of the task's kind."""
    from jptransfer.tasks.base import load_kind

    return load_kind(TASKS.check(config.task.kind, "task.kind"))


def task_level(config: Config) -> str:
    """Return what the task asks an answer for: `sequence` or `token`."""
    return task_kind(config).output.level.value


def needs_text(section: str, why: str, instead: str = "") -> str:
    """Return the message for a section without sources."""
    example = "domain=task" if section == "domain" else "corpus=toy"
    other = f", or {instead}" if instead else ""
    return f"{section}.sources is empty, but {why}; choose one, for example {example}{other}"


def is_encoder(config: Config) -> bool:
    """Whether the task model is an encoder with a head."""
    return learner_of(config) == "encoder"


def needs_language_model(learner: str) -> bool:
    """Whether a learner trains models that encode text, with a tokenizer and possibly a language model."""
    return "language_model" in LEARNERS.entries[LEARNERS.check(learner, "finetuning.learner")].needs


def learner_of(config: Config) -> str:
    """Return how the task model is trained: `finetuning.learner`, else the way of the architecture."""
    return config.finetuning.learner or architecture_of(config).learner


def positions(config: Config) -> int | None:
    """Return the most tokens that a fresh model of the configured architecture reads; `None`: any number."""
    return config.model.bert.max_positions if config.model.architecture == "bert" else None


def check_groups(patterns: Iterable[str], config: Config, setting: str) -> None:
    """Raise `ConfigError` if `setting` names a layer group that the configured architecture cannot have."""
    check_patterns(patterns, architecture_of(config).groups, setting)
