"""What only some kinds of task can do, as protocols: ask with `isinstance` (a task) or `issubclass` (its class)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol, runtime_checkable

import numpy as np

from jptransfer.config.task import DroppedEntities
from jptransfer.tasks.spans import Span


@runtime_checkable
class Labelled(Protocol):
    """Answers are made of labels: they can be listed, renamed and weighed."""

    @staticmethod
    def relabel(example: Any, names: Mapping[str, str],
                dropped_entities: DroppedEntities = DroppedEntities.entity) -> Any | None:
        """The example with labels renamed; an empty name drops the label (`dropped_entities`) or, None, the example."""


@runtime_checkable
class ReadsTarget(Protocol):
    """The gold answer of a text can be written in one cell of a table."""

    @staticmethod
    def read_target(id: str, text: str, target: str) -> Any:
        """An example whose gold is `target`, which is not blank. Raises `ValueError` saying what is wrong with it."""


@runtime_checkable
class TargetsTexts(Protocol):
    """The gold of a text is a row of numbers, so that learners without a tokenizer can learn it."""

    def targets(self, examples: Sequence[Any]) -> np.ndarray:
        """Targets (examples, outputs), of the dtype that the loss needs, see `Feature.targets`."""


@runtime_checkable
class Tokenized(Protocol):
    """Examples may come with tokens of their own, which are what is scored."""

    @staticmethod
    def without_tokens(example: Any) -> Any:
        """The example without its tokens: the tokenizer's pieces are scored instead."""


@runtime_checkable
class Averages(Protocol):
    """Predictions of several models can be combined into one."""

    def average(self, predictions: Sequence[Sequence[Any]]) -> list[Any]:
        """Combine the predictions of several models for the same examples in the same order: (models, examples)."""


@runtime_checkable
class Collapses(Protocol):
    """A model that has learnt nothing of the texts can be recognised by its predictions."""

    def collapsed(self, predictions: Sequence[Any]) -> str:
        """Say in a few words what is wrong, as in ``predicts only 'x'``; empty if nothing is, or if the gold is so too.
        """


@runtime_checkable
class MarksSpans(Protocol):
    """Answers are typed spans of the text, over units that were scored."""

    def spans(self, prediction: Any) -> list[tuple[Span, float]]:
        """The predicted spans in order, without white space at their ends, each with its probability."""

    def units(self, prediction: Any) -> list[tuple[int, int]]:
        """Character ranges of the units that were scored."""


@runtime_checkable
class WritesReports(Protocol):
    """An evaluation has reports as plain text, each a file."""

    def text_reports(self, outcomes: Any) -> dict[str, str]:
        """Name of a report (its folder) -> its text for one split."""
