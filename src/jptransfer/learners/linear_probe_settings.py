"""Settings and registry row of learner `linear_probe`."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from jptransfer.config.fields import setting
from jptransfer.config.finetuning import ClassWeights
from jptransfer.registry import LEARNERS


class Penalty(Enum):
    """Norm of the weights that is kept small."""

    l1 = "l1"
    l2 = "l2"


class Units(Enum):
    """Which numbers of the features a model reads."""

    all = "all"
    one = "one"


@LEARNERS.register("linear_probe", target="jptransfer.learners.linear_probe:LinearProbeLearner", level="sequence",
                   losses=("cross_entropy", "mse"), needs=("tokenizer", "language_model", "features"))
@dataclass
class LinearProbeConfig:
    """Logistic or ridge regression on frozen features of an encoder (section `features`)."""

    penalty: Penalty = Penalty.l1
    """l1 (few weights are not zero) or l2; numbers are always learnt with l2 (ridge regression)"""
    c: list[float] = setting(factory=lambda: [2.0 ** power for power in range(-8, 1)])
    """inverse strengths of the regularisation to choose from"""
    units: Units = Units.all
    """all numbers of the features, or only the one that tells the two classes of the training split apart best, with a
    threshold fitted there; `penalty` and `c` have no effect then"""
    folds: int = setting(0, low=2, off=0)
    """choose C by cross-validation in so many parts of the training split, then train on all of it; 0: choose it on the
    validation split"""
    class_weights: ClassWeights = ClassWeights.none
    """none, or balanced: inverse to the classes' frequency"""
    metric_for_best_model: str = setting("", registry="metrics")
    """metric that chooses C; empty: the task's own"""

    def validate(self) -> str:
        """Return what is wrong with the strengths, if anything."""
        return "" if self.c and min(self.c) > 0 else ".c: one positive number or more is needed"
