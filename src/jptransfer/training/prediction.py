"""One door to a trained task model of any learner: texts in, labels or entities with probabilities out."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from jptransfer.errors import ArtifactError
from jptransfer.registry import LEARNERS
from jptransfer.runtime import Runtime

TASK_MODEL = "task_model.json"


@dataclass(frozen=True)
class Prediction:
    """What a task model says of one text.

    Attributes:
        label: the most probable label (classification), else an empty string.
        probabilities: one a label, in the order of `Predictor.labels` (classification), else empty.
        entities: half-open character spans in the original text with their types, sorted, not overlapping (ner).
        scores: probability of each of `entities`.
    """

    label: str = ""
    probabilities: list[float] = field(default_factory=list)
    entities: list[tuple[int, int, str]] = field(default_factory=list)
    scores: list[float] = field(default_factory=list)


class Predictor(Protocol):
    """A loaded task model."""

    kind: str
    labels: list[str]

    def predict(self, examples: Sequence[Any], batch_size: int = 64) -> list[Prediction]:
        """Return one prediction for each of `examples`, in their order: plain texts, or rows with `text` and `tokens`.

        Gold tokens of a row, where there are any, are the units that entities are made of. The outcome does not depend on
        how examples are divided over calls beyond rounding.
        """


def read_settings(folder: Path) -> Mapping[str, Any]:
    """Return the contents of ``task_model.json``: learner, kind, labels and what predicting needs.

    Raises:
        ArtifactError: `folder` holds no task model.
    """
    path = folder / TASK_MODEL
    if not path.is_file():
        raise ArtifactError(f"{folder} holds no task model (no {TASK_MODEL} in it)")
    return json.loads(path.read_text(encoding="utf-8"))


def load_predictor(folder: Path, runtime: Runtime) -> Predictor:
    """Load the task model in `folder`, whatever its learner."""
    settings = read_settings(folder)
    return LEARNERS.load(settings["learner"]).load(folder, settings, runtime)
