import numpy as np
import pytest
import torch

from jptransfer.learners.encoder_settings import EncoderFinetuningConfig
from jptransfer.learners.losses import CrossEntropy
from jptransfer.learners.task_loss import Activations, TaskLoss
from jptransfer.models.encoder import Encoded
from jptransfer.models.heads.base import HeadOutput
from jptransfer.tasks.base import IGNORED

pytestmark = pytest.mark.slow


class Fixed(torch.nn.Module):
    """A model that says the same of every batch."""

    logits = torch.tensor([[1.0, 2.0, -1.0], [0.5, 0.0, 3.0], [9.0, 9.0, 9.0]])

    def forward(self, **inputs):
        return HeadOutput(self.logits)


@pytest.mark.parametrize("smoothing", [0.0, 0.1, 1.0])
def test_label_smoothing_by_hand(smoothing):
    labels = torch.tensor([1, 2, IGNORED])
    loss = TaskLoss(CrossEntropy(torch.ones(3), smoothing))(Fixed(), {"labels": labels}).terms["label"]
    scores = Fixed.logits[:2].double().numpy()
    logs = scores - np.log(np.exp(scores).sum(1, keepdims=True))
    targets = (1 - smoothing) * np.eye(3)[[1, 2]] + smoothing / 3
    assert loss.item() == pytest.approx(-(targets * logs).sum(), rel=1e-6)


class Recurrent(torch.nn.Module):
    """A model that shows states of texts of 4, 1 and 3 units, padded."""

    states = torch.linspace(-1, 2, 3 * 4 * 2).view(3, 4, 2).square()
    mask = torch.tensor([[1, 1, 1, 1], [1, 0, 0, 0], [1, 1, 1, 0]])

    def forward(self, **inputs):
        return HeadOutput(Fixed.logits, encoded=Encoded((self.states,), self.mask.bool()))


def test_activation_regularisation_by_hand():
    """fastai 1's RNNTrainer: alpha * h.pow(2).mean(), beta * (h[:, 1:] - h[:, :-1]).pow(2).mean(), of the text."""
    batch = {"labels": torch.tensor([1, 2, 0]), "attention_mask": Recurrent.mask}
    loss = TaskLoss(CrossEntropy(torch.ones(3)), activations=Activations(2.0, 1.0))
    terms, units = loss(Recurrent(), batch).terms, loss.units(batch)
    texts = [Recurrent.states[row, :length].double().numpy() for row, length in enumerate((4, 1, 3))]
    squares = np.concatenate([text.flatten() ** 2 for text in texts])
    steps = np.concatenate([np.diff(text, axis=0).flatten() ** 2 for text in texts])
    assert terms["ar"].item() / units["ar"] == pytest.approx(2 * squares.mean(), rel=1e-5)
    assert terms["tar"].item() / units["tar"] == pytest.approx(steps.mean(), rel=1e-5)
    assert (units["ar"], units["tar"]) == (8, 5)


def test_only_states_that_the_head_sees_are_regularised():
    assert Activations(2.0, 1.0, seen=2).units(Recurrent.mask) == {"ar": 5, "tar": 2}
    assert Activations(0.0, 1.0).terms(Recurrent.states, Recurrent.mask).keys() == {"tar"}


@pytest.mark.parametrize(("by_classes", "expected"), [(False, 0.1), (True, 0.1 / 4)])
def test_label_smoothing_may_be_divided_by_the_number_of_labels(by_classes, expected):
    config = EncoderFinetuningConfig(label_smoothing=0.1, label_smoothing_by_classes=by_classes)
    assert CrossEntropy.make([], 4, config).smoothing == pytest.approx(expected)
