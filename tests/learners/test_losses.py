"""Losses by hand; targets that are not known add nothing."""

import pytest
import torch

from jptransfer.learners.losses import CrossEntropy, SquaredError
from jptransfer.tasks.base import IGNORED

NAN = float("nan")


@pytest.mark.parametrize("targets", [[1.0, NAN, -2.0], [[1.0], [NAN], [-2.0]]])
def test_squared_error_by_hand(targets):
    scores = torch.tensor([[3.0], [7.0], [-1.0]], requires_grad=True)
    loss, known = SquaredError(), torch.tensor(targets)
    value = loss(scores, known)
    value.backward()
    assert value.item() == 4 + 1 and loss.total(known) == 2
    assert scores.grad.flatten().tolist() == [4.0, 0.0, 2.0]


def test_cross_entropy_weighs_classes():
    loss, targets = CrossEntropy(torch.tensor([1.0, 3.0])), torch.tensor([1, IGNORED, 0])
    scores = torch.zeros(3, 2)
    assert loss.total(targets) == 4
    assert loss(scores, targets).item() == pytest.approx(4 * torch.log(torch.tensor(2.0)).item())
