"""The recurrence over bytes against the equations in numpy, its gradient, and weight normalisation against torch's."""

import math

import numpy as np
import pytest
import torch
from torch import nn

from jptransfer.models.layers.byte_cells import ByteLstmLayer, MultiplicativeLstmLayer, normalised, step
from jptransfer.models.layers.cells import Clamp

BOTH = pytest.mark.parametrize("kind", [ByteLstmLayer, MultiplicativeLstmLayer])
SYMBOLS, INPUTS, WIDTH, ROWS, LENGTH = 11, 5, 7, 3, 6


@pytest.fixture(autouse=True)
def seeded():
    torch.manual_seed(0)


def made(kind, dtype=torch.float64):
    layer = kind(INPUTS, WIDTH).to(dtype)
    layer.reset_parameters()
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter += 0.3 * torch.randn_like(parameter)
    return layer


def inputs(dtype=torch.float64):
    embeddings = torch.randn(SYMBOLS, INPUTS, dtype=dtype, requires_grad=True)
    state = tuple(torch.randn(ROWS, WIDTH, dtype=dtype, requires_grad=True) for _ in range(2))
    return torch.randint(SYMBOLS, (ROWS, LENGTH)), embeddings, state


def by_the_equations(layer, ids, embeddings, state):
    """Krause et al. (2016), equations 3 and 4, and section 3.1 of Radford et al. (2017), in numpy."""
    def weight(name):
        found = getattr(layer, f"w{name}").detach().numpy()
        return found / np.sqrt((found**2).sum(0)) * getattr(layer, f"g{name}").detach().numpy()

    def sigmoid(values):
        return 1 / (1 + np.exp(-values))

    hidden, cell = (part.detach().numpy() for part in state)
    found = []
    for position in range(ids.shape[1]):
        x = embeddings.detach().numpy()[ids[:, position]]
        entry = (x @ weight("mx")) * (hidden @ weight("mh")) if hasattr(layer, "wmx") else hidden
        enter, keep, leave, new = np.split(x @ weight("x") + entry @ weight("h") + layer.b.detach().numpy(), 4, 1)
        cell = sigmoid(keep) * cell + sigmoid(enter) * np.tanh(new)
        hidden = sigmoid(leave) * np.tanh(cell)
        found.append((hidden, cell))
    return (np.stack(parts, 1) for parts in zip(*found, strict=True))


@BOTH
def test_states_and_cells_are_those_of_the_equations(kind):
    layer, (ids, embeddings, state) = made(kind), inputs()
    expected = by_the_equations(layer, ids, embeddings, state)
    for ours, theirs in zip(layer(ids, embeddings, state), expected, strict=True):
        np.testing.assert_allclose(ours.detach(), theirs, atol=1e-14)


@BOTH
def test_gradients_of_weights_embeddings_and_state(kind):
    layer, (ids, embeddings, state) = made(kind), inputs()
    names, parameters = zip(*layer.named_parameters(), strict=True)

    def read(embeddings, hidden, cell, *weights):
        own = dict(zip(names, weights, strict=True))
        return torch.func.functional_call(layer, own, (ids, embeddings, (hidden, cell)))

    assert torch.autograd.gradcheck(read, (embeddings, *state, *parameters))


@BOTH
def test_single_steps_and_windows_are_one_reading(kind):
    layer, (ids, embeddings, state) = made(kind), inputs()
    whole = layer(ids, embeddings, state)
    first = layer(ids[:, :4], embeddings, state)
    second = layer(ids[:, 4:], embeddings, tuple(part[:, -1] for part in first))
    weights, stepped = layer.prepare(embeddings), [state]
    for position in range(LENGTH):
        stepped.append(step(ids[:, position], weights, stepped[-1]))
    for part in range(2):
        torch.testing.assert_close(torch.cat([first[part], second[part]], 1), whole[part])
        torch.testing.assert_close(torch.stack([state[part] for state in stepped[1:]], 1), whole[part])


@BOTH
def test_without_gradients_nothing_changes(kind):
    layer, (ids, embeddings, state) = made(kind), inputs()
    expected = layer(ids, embeddings, state)
    with torch.no_grad():
        for ours, theirs in zip(layer(ids, embeddings, state), expected, strict=True):
            torch.testing.assert_close(ours, theirs, rtol=0, atol=0)


@BOTH
def test_bf16_is_near_and_learns(kind):
    layer, (ids, embeddings, state) = made(kind, torch.float32), inputs(torch.float32)
    expected = layer(ids, embeddings, state)[0]
    with torch.autocast("cpu", torch.bfloat16):
        found = layer(ids, embeddings, state)[0]
    assert found.dtype == torch.float32 and not torch.equal(found, expected)
    torch.testing.assert_close(found, expected, rtol=0.05, atol=0.05)
    found.sum().backward()
    assert all(parameter.grad is not None and parameter.grad.abs().sum() > 0 for parameter in layer.parameters())


def test_a_clamped_cell_is_what_the_next_step_reads():
    layer, (ids, embeddings, state) = made(MultiplicativeLstmLayer), inputs()
    weights = layer.prepare(embeddings)
    hidden, cell = step(ids[:, 0], weights, state, Clamp(2, 1.0))
    plain, free = step(ids[:, 0], weights, state)
    assert (cell[:, 2] == 1).all() and not torch.equal(hidden[:, 2], plain[:, 2])
    torch.testing.assert_close(hidden[:, 2] / plain[:, 2], math.tanh(1) / free[:, 2].tanh())  # one output gate
    torch.testing.assert_close(hidden[:, 3:], plain[:, 3:])


def test_a_clamped_hidden_state_leaves_the_cells():
    layer, (ids, embeddings, state) = made(MultiplicativeLstmLayer), inputs()
    weights = layer.prepare(embeddings)
    hidden, cell = step(ids[:, 0], weights, state, Clamp(0, -1.0, of_cell=False))
    plain, free = step(ids[:, 0], weights, state)
    assert (hidden[:, 0] == -1).all() and torch.equal(cell, free) and torch.equal(hidden[:, 1:], plain[:, 1:])


def test_weight_normalisation_is_torchs():
    linear = nn.utils.parametrizations.weight_norm(nn.Linear(4, 3, bias=False).double(), dim=0)
    gain, direction = (getattr(linear.parametrizations.weight, name) for name in ("original0", "original1"))
    torch.testing.assert_close(normalised(direction.t(), gain.flatten()), linear.weight.t())
