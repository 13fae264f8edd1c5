"""Settings of fine-tuning and of what a task model takes from another; each learner adds a section of its own."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from jptransfer.config.fields import setting
from jptransfer.registration import WithMembers
from jptransfer.registry import LEARNERS


@dataclass
class SubsetConfig:
    """Low-shot training: a seeded, nested part of the training split."""

    n: int | None = setting(None, low=1)
    """number of examples; a larger n with the same seed contains a smaller one"""
    fraction: float | None = setting(None, low=0.0, high=1.0)
    """share of examples, instead of `n`"""
    stratify: bool = True
    """keep the labels' shares (classification)"""
    seed: int | None = setting(0, low=0)
    """seed of the order examples are taken in; null: that of fine-tuning, so that every run has examples of its own"""

    def validate(self) -> str:
        """Return what is wrong with the size, if anything."""
        if self.fraction == 0:
            return ".fraction: 0 leaves nothing to learn from"
        return ": give n or fraction, not both" if self.n is not None and self.fraction is not None else ""


class ClassWeights(Enum):
    """Weight of each class in the loss."""

    none = "none"
    balanced = "balanced"


class TruncationSide(Enum):
    """Which tokens of a text stay where it is longer than `max_length`."""

    right = "right"
    left = "left"


class Analyzer(Enum):
    """What n-grams are made of."""

    char = "char"
    word = "word"


@LEARNERS.sections("learner")
@dataclass
class FinetuningConfig(WithMembers):
    """How a task model is made."""

    name: str = setting("finetuned", label=True)
    """label of the artifact"""
    subset: SubsetConfig = setting(factory=SubsetConfig)
    """low-shot training"""
    learner: str = setting("", registry="learners")
    """how it is trained, see `jpt ls learners`; empty: the way of the architecture"""


BUILD = "build"
"""What `TransferConfig.source` may be besides a reference."""


@dataclass
class TransferConfig:
    """What a task model takes from another one before it is trained (Johnson et al. 2019, section 3.3)."""

    source: str = setting("", external=True)
    """task model to take from: an artifact id, a folder, or `build`, what `transfer.build` makes; empty: that too"""
    build: list[str] = setting(factory=list)
    """overrides that turn this configuration into that of the source, as on the command line (task=conll2003); where
    they do not say otherwise, the source has seed 0, learns from its whole training split with no group frozen, and
    takes from no other; a task that they choose is as its preset says, whatever this run sets of its own task"""
    groups: list[str] = setting(factory=list)
    """layer groups to take, named as in `finetuning.encoder.freeze` (char, word, dense; embeddings, layer.0-3, head;
    encoder); units and tags are matched by name, and only units of the training texts count; empty: nothing is taken"""

    def validate(self) -> str:
        """Return what is wrong with the source, if anything."""
        if self.source not in ("", BUILD) and self.build:
            return ": give source or build, not both"
        if self.source == BUILD and not self.build:
            return ".source=build, but transfer.build is empty; give overrides, as in transfer.build=[task=conll2003]"
        if self.groups and not self.source and not self.build:
            return (".groups names what to take, but there is no model to take it from; give transfer.source=ID or "
                    "transfer.build=[task=...]")
        return ""
