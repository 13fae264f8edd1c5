import numpy as np
import pytest
import torch
import yaml
from torch import nn

from jptransfer.config import OptimizerConfig
from jptransfer.config.check import check
from jptransfer.errors import ConfigError
from jptransfer.registry import OPTIMIZERS
from jptransfer.resources import resource
from jptransfer.training.optimizers import build_optimizer, set_learning_rate
from jptransfer.training.optimizers.adagrad import AdagradConfig
from jptransfer.training.types import ParameterGroup

GRADIENTS = np.random.default_rng(0).normal(size=(5, 3, 2)).astype(np.float32)


def trained(name: str, decay: float = 0.1) -> np.ndarray:
    weight = nn.Parameter(torch.ones(3, 2))
    config = OptimizerConfig(name, eps=1e-6, weight_decay=decay)
    if "betas" in vars(config.own):
        config.own.betas = [0.9, 0.99]
    config.adadelta.rho, config.sgd.momentum, config.adagrad.accumulator = 0.8, 0.5, 0.5
    optimizer = build_optimizer(config, [ParameterGroup([weight])])
    set_learning_rate(optimizer, 0.01)
    for gradient in GRADIENTS:
        weight.grad = torch.from_numpy(gradient.copy())
        optimizer.step()
    return weight.detach().numpy()


def by_hand(bias_correction: bool) -> np.ndarray:
    weight, mean, square = np.ones((3, 2)), np.zeros((3, 2)), np.zeros((3, 2))
    for t, gradient in enumerate(GRADIENTS.astype(np.float64), 1):
        mean = 0.9 * mean + 0.1 * gradient
        square = 0.99 * square + 0.01 * gradient**2
        m, v = (mean / (1 - 0.9**t), square / (1 - 0.99**t)) if bias_correction else (mean, square)
        weight = weight - 0.01 * (m / (np.sqrt(v) + 1e-6) + 0.1 * weight)
    return weight


@pytest.mark.parametrize(("name", "bias_correction"), [("adamw", True), ("bert_adam", False)])
def test_updates_follow_the_formula(name, bias_correction):
    np.testing.assert_allclose(trained(name), by_hand(bias_correction), rtol=2e-5)


def with_decay_in_the_gradient(name):
    """Adam, Adadelta (Zeiler 2012, algorithm 1, times the rate), Adagrad and momentum, in double precision."""
    weight, first, second = np.ones((3, 2)), np.zeros((3, 2)), np.zeros((3, 2))
    for t, gradient in enumerate(GRADIENTS.astype(np.float64), 1):
        gradient = gradient + 0.1 * weight
        if name == "adam":
            first, second = 0.9 * first + 0.1 * gradient, 0.99 * second + 0.01 * gradient**2
            step = first / (1 - 0.9**t) / (np.sqrt(second / (1 - 0.99**t)) + 1e-6)
        elif name == "adadelta":
            second = 0.8 * second + 0.2 * gradient**2
            step = np.sqrt(first + 1e-6) / np.sqrt(second + 1e-6) * gradient
            first = 0.8 * first + 0.2 * step**2
        elif name == "adagrad":
            second = second + gradient**2
            step = gradient / (np.sqrt(0.5 + second) + 1e-6)
        else:
            step = first = 0.5 * first + gradient
        weight = weight - 0.01 * step
    return weight


@pytest.mark.parametrize("name", ["adam", "adadelta", "adagrad", "sgd"])
def test_updates_whose_decay_is_part_of_the_gradient(name):
    np.testing.assert_allclose(trained(name), with_decay_in_the_gradient(name), rtol=2e-5)


@pytest.mark.parametrize("name", ["adamw", "adam", "bert_adam"])
@pytest.mark.parametrize("betas", [[0.9], [0.9, 0.99, 0.999], [0.9, 1.0]])
def test_wrong_betas_are_a_mistake_of_the_user(name, betas):
    with pytest.raises(ConfigError, match="two numbers"):
        check(OptimizerConfig(name, **{name: OPTIMIZERS.entries[name].settings(betas)}))


def test_vectors_do_not_decay_and_rates_multiply():
    layer, norm = nn.Linear(2, 2), nn.LayerNorm(2)
    config = OptimizerConfig(weight_decay=0.3)
    groups = [ParameterGroup(list(layer.parameters())), ParameterGroup(list(norm.parameters()), rate=0.1)]
    optimizer = build_optimizer(config, groups)
    set_learning_rate(optimizer, 0.5)
    found = {(len(g["params"]), g["weight_decay"], g["rate"], g["lr"]) for g in optimizer.param_groups}
    assert found == {(1, 0.3, 1.0, 0.5), (1, 0.0, 1.0, 0.5), (2, 0.0, 0.1, 0.05)}


def test_frozen_parameters_are_left_out():
    layer = nn.Linear(2, 2)
    layer.weight.requires_grad = False
    optimizer = build_optimizer(OptimizerConfig(), [ParameterGroup(list(layer.parameters()))])
    assert [p is layer.bias for g in optimizer.param_groups for p in g["params"]] == [True]


def test_adagrad_of_elmo_on_a_mean_loss_is_that_of_bilm_tf_on_twenty_times_it():
    """bilm-tf: accumulator 1, global norm 10, loss times its 20 unrolled words; the preset: both for a mean loss."""
    preset = yaml.safe_load((resource("configs") / "pretraining" / "elmo.yaml").read_text(encoding="utf-8"))

    def learn(accumulator: float, clip: float, factor: float) -> np.ndarray:
        weight = nn.Parameter(torch.ones(3, 2, dtype=torch.float64))
        config = OptimizerConfig("adagrad", eps=1e-20, weight_decay=0.0, adagrad=AdagradConfig(accumulator))
        optimizer = build_optimizer(config, [ParameterGroup([weight])])
        set_learning_rate(optimizer, preset["learning_rate"])
        for gradient in GRADIENTS:
            weight.grad = torch.from_numpy(factor * gradient.astype(np.float64))
            nn.utils.clip_grad_norm_([weight], clip)
            optimizer.step()
        return weight.detach().numpy()

    ours = learn(preset["optimizer"]["adagrad"]["accumulator"], preset["optimizer"]["clip"], 1.0)
    np.testing.assert_allclose(ours, learn(1.0, 10.0, preset["max_length"]), rtol=1e-6)


@pytest.mark.parametrize(("name", "decoupled"), [("adamw", True), ("adam", False), ("sgd", False), ("bert_adam", True)])
def test_biases_decay_where_they_are_to(name, decoupled):
    """With a gradient of zero only the decay moves a weight; fastai 1 multiplies all of them by 1 - rate * decay."""
    def moved(decay_biases: bool) -> list[float]:
        layer = nn.Linear(2, 2)
        nn.init.ones_(layer.weight)
        nn.init.ones_(layer.bias)
        config = OptimizerConfig(name, eps=1e-8, weight_decay=0.3, decay_biases=decay_biases)
        optimizer = build_optimizer(config, [ParameterGroup(list(layer.parameters()))])
        set_learning_rate(optimizer, 0.5)
        for parameter in layer.parameters():
            parameter.grad = torch.zeros_like(parameter)
        optimizer.step()
        return [layer.weight[0, 0].item(), layer.bias[0].item()]

    weight, bias = moved(True)
    assert bias == weight < 1 and (weight == pytest.approx(1 - 0.5 * 0.3) or not decoupled)
    assert moved(False) == [weight, 1.0]
