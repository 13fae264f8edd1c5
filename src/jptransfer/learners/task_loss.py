"""The loss of a task model: that of its targets, and what a head or a recurrent encoder adds to it."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor, nn

from jptransfer.learners.losses import Loss
from jptransfer.models.task_models import task_output
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
class TaskLoss:
    """The loss of a head's outputs and their targets.

    Of a head that decides over whole texts, the negative log-likelihood of their tags.

    Attributes:
        loss: of outputs and targets.
        fixed: modules that only compute features: without dropout, as when they are used.
        activations: regularisation of the encoder's states; None: there is none.
    """

    loss: Loss
    fixed: Sequence[nn.Module] = ()
    activations: Activations | None = None

    def units(self, batch: Tensors) -> dict[str, float]:
        """Return the weight of the targets of a part of a batch, and the numbers behind the penalties."""
        labels = batch["labels"]
        units = {"label": self.loss.total(labels), "penalty": float(len(labels))}
        return units | (self.activations.units(batch["attention_mask"]) if self.activations else {})

    def __call__(self, model: nn.Module, batch: Tensors) -> LossOutput:
        """Return the sum of the losses of a part's targets, and those of the penalties there are."""
        for module in self.fixed:
            module.eval()
        inputs = {name: tensor for name, tensor in batch.items() if name != "labels"}
        output, labels = task_output(model, inputs), batch["labels"]
        if output.chain is not None:
            assert output.places is not None
            return LossOutput({"label": -output.chain.log_likelihood(labels.gather(1, output.places)).sum()})
        # Rows of outputs and of targets, whether there is one per text or one per token.
        loss = self.loss(output.logits.flatten(0, -2), labels.flatten(0, output.logits.dim() - 2))
        penalty = {} if output.penalty is None else {"penalty": output.penalty.float().sum()}
        if self.activations:
            assert output.encoded is not None
            penalty |= self.activations.terms(output.encoded.last, output.encoded.mask)
        return LossOutput({"label": loss, **penalty})
