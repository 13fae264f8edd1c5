"""Losses of a head's outputs, named by `Output.loss` of a task kind: the rows of the registry `losses`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, Self

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from jptransfer.config import ClassWeights
from jptransfer.learners.encoder_settings import EncoderFinetuningConfig
from jptransfer.tasks.base import IGNORED, Feature


class Loss(Protocol):
    """A loss that adds up over targets, so that it can be computed in parts of a batch."""

    @classmethod
    def make(cls, features: Sequence[Feature], outputs: int, config: EncoderFinetuningConfig) -> Self:
        """Return the loss for a training split and the number of a head's outputs."""

    def total(self, targets: Tensor) -> float:
        """Return the weight of the known targets: what the sum of the losses is divided by."""

    def __call__(self, scores: Tensor, targets: Tensor) -> Tensor:
        """Return the sum of the losses, a scalar.

        Args:
            scores: (n, outputs), float32.
            targets: (n,) or (n, outputs), see `Feature.targets`; unknown ones add nothing.
        """


class CrossEntropy:
    """Cross-entropy of one class per row, times the weight of the class.

    Attributes:
        weights: one per class, float32.
        smoothing: share of a target's weight that all classes have in equal parts (Szegedy et al. 2016, section 7).
    """

    def __init__(self, weights: Tensor, smoothing: float = 0.0) -> None:
        self.weights, self.smoothing = weights, smoothing

    @classmethod
    def make(cls, features: Sequence[Feature], outputs: int, config: EncoderFinetuningConfig) -> Self:
        """Weigh classes and smooth targets as the configuration says (see `Loss`)."""
        smoothing = config.label_smoothing / (outputs if config.label_smoothing_by_classes else 1)
        return cls(class_weights(features, outputs, config.class_weights), smoothing)

    def total(self, targets: Tensor) -> float:
        """Return the sum of the weights of the known targets' classes (see `Loss`)."""
        return float(self.weights[targets[targets != IGNORED]].sum())

    def __call__(self, scores: Tensor, targets: Tensor) -> Tensor:
        """Return the sum of the weighted losses (see `Loss`)."""
        return cross_entropy(scores, targets, weight=self.weights.to(scores.device), ignore_index=IGNORED,
                             reduction="sum", label_smoothing=self.smoothing)


class SquaredError:
    """Squared difference of each output and its target."""

    @classmethod
    def make(cls, features: Sequence[Feature], outputs: int, config: EncoderFinetuningConfig) -> Self:
        """There is nothing to set (see `Loss`)."""
        return cls()

    def total(self, targets: Tensor) -> float:
        """Return the number of known targets (see `Loss`)."""
        return float((~targets.isnan()).sum())

    def __call__(self, scores: Tensor, targets: Tensor) -> Tensor:
        """Return the sum of the squared errors (see `Loss`)."""
        known = ~targets.isnan()
        # An unknown target is replaced before the subtraction: NaN times zero is still NaN in the gradient.
        errors = scores.view_as(targets) - targets.nan_to_num()
        return (errors * known).square().sum()


def class_weights(features: Sequence[Feature], classes: int, kind: ClassWeights) -> Tensor:
    """Return the weight of each class (classes,): ones, or labels / (classes that occur * labels of the class)."""
    if kind is ClassWeights.none:
        return torch.ones(classes)
    labels = np.concatenate([feature.targets for feature in features])
    counts = np.bincount(labels[labels != IGNORED], minlength=classes)
    weights = counts.sum() / (np.count_nonzero(counts) * np.maximum(counts, 1))
    return torch.tensor(weights, dtype=torch.float32)
