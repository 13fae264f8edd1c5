import numpy as np
import pytest
import torch

from jptransfer.config import HeadConfig
from jptransfer.models.encoder import encode
from jptransfer.models.heads.kim_cnn import BoundedLinear
from jptransfer.models.heads.kim_cnn_settings import KimCnnHeadConfig
from jptransfer.models.task_models import task_output
from tests.models.vectors import batch, task_model

HEAD = HeadConfig("kim_cnn", 0.5, kim_cnn=KimCnnHeadConfig([2, 4], 3))


def test_logits_by_hand():
    model = task_model("embedding", HEAD).eval()
    inputs = batch([6, 1, 3, 2])
    with torch.no_grad():
        states, found = encode(model, inputs).last.numpy(), task_output(model, inputs).logits.numpy()
    head = {name: value.numpy() for name, value in model.head.state_dict().items()}
    for text, length, logits in zip(states, [6, 1, 3, 2], found, strict=True):
        strongest = []
        for number, width in enumerate((2, 4)):
            weight, bias = head[f"filters.{number}.weight"], head[f"filters.{number}.bias"]
            zeros = np.zeros((3, text.shape[1]))  # Kim's code: one less than the widest filter, at both ends
            padded = np.concatenate([zeros, text[:length], zeros])
            windows = [padded[start:start + width] for start in range(len(padded) - width + 1)]
            answers = [np.maximum(0, np.einsum("fdw,wd->f", weight, window) + bias) for window in windows]
            strongest.append(np.max(answers, axis=0))
        expected = head["classifier.weight"] @ np.concatenate(strongest) + head["classifier.bias"]
        np.testing.assert_allclose(logits, expected, rtol=1e-4, atol=1e-6)


def test_windows_on_the_borders_hold_a_part_of_the_text():
    model = task_model("embedding", HEAD).eval()
    inputs = batch([5])
    filters = model.head.filters[1]  # of width 4
    with torch.no_grad():
        filters.weight.zero_()
        filters.bias.zero_()
        last = encode(model, inputs).last[0, -1]
        filters.weight[0, :, 0] = last / last.square().sum()  # its first place answers 1 to the last unit
        head = {}
        hook = model.head.classifier.register_forward_hook(lambda module, given, _: head.update(read=given[0]))
        task_output(model, inputs)
        hook.remove()
    assert head["read"][0, 3] >= 1 - 1e-5


def test_rows_that_are_too_long_are_scaled_to_the_limit_and_others_stay():
    layer = BoundedLinear(3, 2, 3.0)
    rows = torch.tensor([[3.0, 4.0, 12.0], [0.3, 0.4, 1.2]])
    layer.weight.data.copy_(rows)
    layer.constrain()
    torch.testing.assert_close(layer.weight.data, torch.stack([rows[0] * 3 / 13, rows[1]]))


@pytest.mark.parametrize("limit", [0.0])
def test_no_limit(limit):
    layer = BoundedLinear(3, 2, limit)
    layer.weight.data.fill_(100.0)
    layer.constrain()
    assert bool((layer.weight == 100.0).all())
