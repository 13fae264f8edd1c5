from pathlib import Path

import numpy as np
import pytest
import torch
import yaml

from jptransfer.config import HeadConfig
from jptransfer.config.check import check
from jptransfer.config.plain import from_plain
from jptransfer.errors import ConfigError
from jptransfer.models.encoder import encode
from jptransfer.models.encoders.onehot import OnehotConfig
from jptransfer.models.heads.temporal_cnn import TemporalCnnHead
from jptransfer.models.heads.temporal_cnn_settings import TemporalCnnHeadConfig
from jptransfer.models.task_models import fresh_head, task_output
from jptransfer.resources import resource
from jptransfer.tasks.classification import Classification
from tests.models.vectors import batch, task_model

HEAD = HeadConfig("temporal_cnn", 0.5, temporal_cnn=TemporalCnnHeadConfig(12, [2, 3], 4, 3, 5))


def convolve(states, weight, bias):
    """States (length, in) by filters (out, in, width), centred, zeros around; ReLU."""
    width = weight.shape[2]
    around = np.pad(states, ((width // 2, width // 2), (0, 0)))
    windows = np.stack([around[start:start + width] for start in range(len(states))])
    return np.maximum(0, np.einsum("lwi,oiw->lo", windows, weight) + bias)


def pooled(states, pool):
    return np.stack([states[start:start + pool].max(0) for start in range(0, len(states), pool)])


def test_logits_by_hand():
    model = task_model("embedding", HEAD).eval()
    lengths = [12, 7, 1, 4]
    inputs = batch(lengths)
    with torch.no_grad():
        states, found = encode(model, inputs).last.numpy(), task_output(model, inputs).logits.numpy()
    head = {name: value.numpy() for name, value in model.head.state_dict().items()}
    for text, length, logits in zip(states, lengths, found, strict=True):
        left, number = text[:length], 0
        for pool in (2, 3):
            for _ in range(2):
                left = convolve(left, head[f"filters.{number}.weight"], head[f"filters.{number}.bias"])
                number += 1
            left = pooled(left, pool)
        vector = np.zeros((4, 2))
        vector[:, :len(left)] = left.T
        hidden = np.maximum(0, head["hidden.weight"] @ vector.flatten() + head["hidden.bias"])
        np.testing.assert_allclose(logits, head["classifier.weight"] @ hidden + head["classifier.bias"], atol=1e-5)


def test_only_the_first_tokens_of_a_longer_text_count():
    model = task_model("embedding", HEAD).eval()
    inputs = batch([20, 3])
    cut = {name: tensor[:, :12] for name, tensor in inputs.items()}
    with torch.no_grad():
        torch.testing.assert_close(task_output(model, inputs).logits, task_output(model, cut).logits)


@pytest.mark.parametrize("name", ["filters.0", "filters.5", "hidden", "classifier"])
def test_weights_start_by_the_outputs_of_their_layer(name):
    """Glyph's model.lua: normal(0, sqrt(2 / outputs)), of a convolution times its width; the last layer is no other."""
    size = TemporalCnnHeadConfig(96, [2, 2, 2], 48, 3, 200)
    torch.manual_seed(0)
    head = TemporalCnnHead(HeadConfig("temporal_cnn", temporal_cnn=size), OnehotConfig(101), 16)
    layer = head.get_submodule(name)
    outputs = layer.weight.shape[0] * (3 if name.startswith("filters") else 1)
    assert layer.weight.std().item() == pytest.approx((2 / outputs) ** 0.5, rel=0.05)
    assert not layer.bias.any()


@pytest.mark.parametrize(("length", "pools", "left"), [
    (512, [2] * 5, 4096), (486, [3] * 3, 4608), (2048, [2] * 7, 4096), (1944, [2, 2, 3, 3, 3], 4608)])
def test_as_many_values_are_left_as_in_the_published_nets(length, pools, left):
    config = HeadConfig("temporal_cnn", 0.5, temporal_cnn=TemporalCnnHeadConfig(length, pools))
    check(config)
    with torch.device("meta"):
        head = fresh_head(OnehotConfig(), Classification.output, ["a", "b"], config, 0).head
    assert (head.hidden.in_features, head.hidden.out_features) == (left, 1024)
    assert len(head.filters) == 2 * len(pools)


@pytest.mark.parametrize(("settings", "said"), [({"kernel": 4}, "odd"), ({"length": 100}, "no multiple of 32")])
def test_sizes_that_do_not_fit(settings, said):
    with pytest.raises(ConfigError, match=said):
        check(HeadConfig("temporal_cnn", temporal_cnn=TemporalCnnHeadConfig(**settings)))


def test_shipped_presets_have_lengths_that_fit():
    names = [path for path in Path(resource("configs/model")).glob("*.yaml") if "temporal_cnn" in path.read_text()]
    assert len(names) >= 4
    for path in names:
        encoder = yaml.safe_load(path.read_text("utf-8"))["finetuning"]["encoder"]
        size = from_plain(TemporalCnnHeadConfig, encoder["head"]["temporal_cnn"])
        assert not size.validate() and encoder["max_length"] == size.length
