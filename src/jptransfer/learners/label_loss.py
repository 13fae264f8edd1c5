"""The loss of a task model: cross-entropy of its labels, and what a head or a recurrent encoder adds to it."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from jptransfer.models.task_models import task_output
from jptransfer.tasks.base import IGNORED
from jptransfer.training.types import LossOutput, Tensors


@dataclass(frozen=True)
class Activations:
    """Regularisation of the top layer's states in training (Merity, McCann and Socher 2017), as in ULMFiT's classifier.

    Attributes:
        ar: weight of the mean square of the states.
        tar: weight of the mean square of the steps between neighbouring states.
        seen: most tokens of a text whose states there are.
    """

    ar: float
    tar: float
    seen: int = sys.maxsize

    def units(self, mask: Tensor) -> dict[str, float]:
        """Return the numbers of states (`ar`) and of steps (`tar`) of texts, by their mask (texts, length)."""
        lengths = mask.sum(1).clamp(max=self.seen)
        return {"ar": float(lengths.sum()), "tar": float((lengths - 1).clamp(min=0).sum())}

    def terms(self, states: Tensor, mask: Tensor) -> Tensors:
        """Return the sums of AR and TAR over states (texts, length, width) where `mask` (texts, length) is true."""
        states, inside = states.float(), mask.float()
        squares = states.square().mean(-1) * inside
        steps = states.diff(dim=1).square().mean(-1) * inside[:, 1:]
        terms = {"ar": self.ar * squares.sum(), "tar": self.tar * steps.sum()}
        return {name: term for name, term in terms.items() if getattr(self, name)}


@dataclass(frozen=True)
class LabelLoss:
    """Cross-entropy of a head's outputs with their labels, each label's loss times its class's weight.

    Of a head that decides over whole texts, the negative log-likelihood of their tags.

    Attributes:
        weights: one a class, float32.
        fixed: modules that only compute features: without dropout, as when they are used.
        smoothing: share of a label's weight that all labels have in equal parts (Szegedy et al. 2016, section 7).
        activations: regularisation of the encoder's states; None: there is none.
    """

    weights: Tensor
    fixed: Sequence[nn.Module] = ()
    smoothing: float = 0.0
    activations: Activations | None = None

    def units(self, batch: Tensors) -> dict[str, float]:
        """Return the sum of the weights of a part's labels, and the numbers behind the penalties."""
        labels = batch["labels"]
        units = {"label": float(self.weights[labels[labels != IGNORED]].sum()), "penalty": float(len(labels))}
        return units | (self.activations.units(batch["attention_mask"]) if self.activations else {})

    def __call__(self, model: nn.Module, batch: Tensors) -> LossOutput:
        """Return the sum of the weighted losses of a part's labels, and those of the penalties there are."""
        for module in self.fixed:
            module.eval()
        inputs = {name: tensor for name, tensor in batch.items() if name != "labels"}
        output, labels = task_output(model, inputs), batch["labels"]
        if output.chain is not None:
            assert output.places is not None
            return LossOutput({"label": -output.chain.log_likelihood(labels.gather(1, output.places)).sum()})
        logits = output.logits.flatten(0, -2)
        loss = cross_entropy(logits, labels.flatten(), weight=self.weights.to(logits.device),
                             ignore_index=IGNORED, reduction="sum", label_smoothing=self.smoothing)
        penalty = {} if output.penalty is None else {"penalty": output.penalty.float().sum()}
        if self.activations:
            assert output.encoded is not None
            penalty |= self.activations.terms(output.encoded.last, output.encoded.mask)
        return LossOutput({"label": loss, **penalty})
