import numpy as np
import pytest
import torch

from jptransfer.config import HeadConfig
from jptransfer.models.encoder import encode
from jptransfer.models.heads.rcnn_settings import RcnnHeadConfig
from jptransfer.models.task_models import task_output
from tests.models.vectors import HIDDEN, batch, task_model


@pytest.mark.parametrize("architecture", ["rnn", "lstm"])
def test_logits_by_hand(architecture):
    model = task_model(architecture, HeadConfig("rcnn", 0.1, rcnn=RcnnHeadConfig(7)), layers=1).eval()
    inputs = batch([6, 1, 3])
    with torch.no_grad():
        encoded, found = encode(model, inputs), task_output(model, inputs).logits.numpy()
    vectors, states = encoded.states[0].numpy(), encoded.last.numpy()
    head = {name: value.numpy() for name, value in model.head.state_dict().items()}
    nothing = np.zeros(HIDDEN)
    for text, length in enumerate([6, 1, 3]):
        meanings = []
        for place in range(length):
            left = states[text, place - 1, :HIDDEN] if place else nothing
            right = states[text, place + 1, HIDDEN:] if place + 1 < length else nothing
            seen = np.concatenate([left, vectors[text, place], right])
            meanings.append(np.tanh(head["meaning.weight"] @ seen + head["meaning.bias"]))
        expected = head["classifier.weight"] @ np.max(meanings, axis=0) + head["classifier.bias"]
        np.testing.assert_allclose(found[text], expected, rtol=1e-4, atol=1e-6)
