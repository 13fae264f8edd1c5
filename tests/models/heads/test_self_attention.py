import numpy as np
import torch

from jptransfer.config import HeadConfig
from jptransfer.models.encoder import encode
from jptransfer.models.heads.self_attention import penalty
from jptransfer.models.heads.self_attention_settings import SelfAttentionHeadConfig
from jptransfer.models.task_models import task_output
from tests.models.by_hand import softmax
from tests.models.vectors import batch, task_model

HEAD = HeadConfig("self_attention", 0.1, self_attention=SelfAttentionHeadConfig(6, 3, 0.5, 8))


def test_logits_and_penalty_by_hand():
    model = task_model("lstm", HEAD).eval()
    inputs = batch([6, 1, 3])
    with torch.no_grad():
        states, found = encode(model, inputs).last.numpy(), task_output(model, inputs)
    head = {name: value.numpy() for name, value in model.head.state_dict().items()}
    for number, length in enumerate([6, 1, 3]):
        text = states[number, :length]
        weights = softmax(head["score.2.weight"] @ np.tanh(head["score.0.weight"] @ text.T))
        dense = np.maximum(0, head["dense.weight"] @ (weights @ text).ravel() + head["dense.bias"])
        logits = head["classifier.weight"] @ dense + head["classifier.bias"]
        np.testing.assert_allclose(found.logits[number], logits, rtol=1e-4, atol=1e-6)
        excess = 0.5 * np.linalg.norm(weights @ weights.T - np.eye(3), "fro") ** 2
        np.testing.assert_allclose(found.penalty[number], excess, rtol=1e-4)


def test_hops_that_look_at_one_different_token_each_have_no_penalty():
    same = torch.tensor([[[1.0, 0, 0], [1, 0, 0]], [[1, 0, 0], [0, 1, 0]]])
    assert penalty(same).tolist() == [2.0, 0.0]
