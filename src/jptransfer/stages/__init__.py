"""The stages: each is one function ``run(config, inputs, out, runtime) -> Summary``.

A stage knows its typed configuration, the folders of its inputs by role, the empty (or, after an interruption, partly
filled) folder `out`, and how it may run. It knows no Hydra, no store and no global state. What it leaves in `out`
becomes the artifact, except the folder ``out/.work``: that one survives interruptions (resumable checkpoints live
there) and is removed when the artifact is published.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from jptransfer.artifacts.store import SCRATCH
from jptransfer.config import (
    CorpusConfig,
    EncodingConfig,
    EvaluationConfig,
    FinetuningConfig,
    LmTrainingConfig,
    ModelConfig,
    ReportConfig,
    TaskConfig,
    TokenizerConfig,
)
from jptransfer.config.fields import setting
from jptransfer.runtime import Runtime

WORK = SCRATCH

Inputs = Mapping[str, Path]


@dataclass(frozen=True)
class StageInfo:
    """What a stage makes, and the version of how: raised when its code changes what it makes."""

    kind: str
    version: int


STAGES: dict[str, StageInfo] = {
    "prepare_corpus": StageInfo("corpus", 2),
    "prepare_dataset": StageInfo("dataset", 2),
    "tokenize": StageInfo("tokenizer", 2),
    "encode": StageInfo("encoded", 2),
    "pretrain": StageInfo("language_model", 4),
    "adapt": StageInfo("language_model", 4),
    "finetune": StageInfo("task_model", 3),
    "evaluate": StageInfo("evaluation", 3),
    "report": StageInfo("report", 3),
}


@dataclass(frozen=True)
class Summary:
    """What a stage says of what it made: a line for the terminal, and JSON values for manifest and report."""

    headline: str
    values: dict[str, Any] = field(default_factory=dict)


class Stage(Protocol):
    """The signature all stages share."""

    def __call__(self, config: Any, inputs: Inputs, out: Path, runtime: Runtime) -> Summary:
        """Fill `out` from `inputs`."""


@dataclass
class PrepareCorpusStage:
    """inputs: none (sources are external), or `dataset` where a source is the task's."""

    corpus: CorpusConfig


@dataclass
class PrepareDatasetStage:
    """inputs: none (files are external)."""

    task: TaskConfig


@dataclass
class TokenizeStage:
    """inputs: `corpus` (absent for a pretrained tokenizer and for bytes)."""

    tokenizer: TokenizerConfig


@dataclass
class EncodeStage:
    """inputs: `corpus`, `tokenizer`."""

    encoding: EncodingConfig


@dataclass
class PretrainStage:
    """inputs: `encoded`, `tokenizer`, and `start` (a language model with its tokenizer), or no start: from scratch."""

    model: ModelConfig | None
    training: LmTrainingConfig


@dataclass
class FinetuneStage:
    """inputs: `dataset`; for an encoder `tokenizer` and, unless from scratch, `language_model`; `transfer`, a task
    model, where layer groups are taken from it."""

    finetuning: FinetuningConfig
    seed: int
    model: ModelConfig | None = None
    transfer: list[str] = setting(factory=list, omit_when=[])


@dataclass
class EvaluateStage:
    """inputs: `task_model`, `dataset`; of an ensemble also `task_model:2`, `task_model:3`, ..."""

    evaluation: EvaluationConfig


@dataclass
class ReportStage:
    """inputs: `evaluation:<row>:<seed>` for every run, and `<kind>:<12 hex>` for every artifact behind them.

    `names`: fingerprint -> what the run that asks calls an artifact, whoever made it; `command`: what makes the report.
    """

    report: ReportConfig
    name: str
    rows: list[str]
    names: dict[str, str] = setting(factory=dict)
    command: str = setting("", label=True)
