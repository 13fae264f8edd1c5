import numpy as np
import pytest
import torch

from jptransfer.models.heads import HeadOutput
from jptransfer.tasks.base import IGNORED
from jptransfer.training.finetuning import LabelLoss


class Fixed(torch.nn.Module):
    """A model that says the same of every batch."""

    logits = torch.tensor([[1.0, 2.0, -1.0], [0.5, 0.0, 3.0], [9.0, 9.0, 9.0]])

    def forward(self, **inputs):
        return HeadOutput(self.logits)


@pytest.mark.parametrize("smoothing", [0.0, 0.1, 1.0])
def test_label_smoothing_by_hand(smoothing):
    labels = torch.tensor([1, 2, IGNORED])
    loss = LabelLoss(torch.ones(3), smoothing=smoothing)(Fixed(), {"labels": labels}).terms["label"]
    scores = Fixed.logits[:2].double().numpy()
    logs = scores - np.log(np.exp(scores).sum(1, keepdims=True))
    targets = (1 - smoothing) * np.eye(3)[[1, 2]] + smoothing / 3
    assert loss.item() == pytest.approx(-(targets * logs).sum(), rel=1e-6)
