"""The projected LSTM against numpy worked from the formulas, with and without clipping."""

import numpy as np
import pytest
import torch

from jptransfer.models.layers.projected_lstm import ProjectedLstmLayer, clipped_lstm
from tests.models.by_hand import sigmoid

CLIPS = [(0.0, 0.0), (0.4, 0.0), (0.0, 0.2), (0.4, 0.2)]


def layer(*clips, seed=0):
    torch.manual_seed(seed)
    made = ProjectedLstmLayer(4, 7, 3, *clips)
    made.reset_parameters()
    with torch.no_grad():
        for parameter in made.parameters():
            parameter.mul_(3)
    return made


def by_hand(made, inputs, hidden, cell):
    w_ih, w_hh, bias, w_hr = (parameter.detach().double().numpy()
                              for parameter in (made.weight_ih, made.weight_hh, made.bias, made.weight_hr))
    of_cell, of_state = (clip or np.inf for clip in made.clips)
    states = []
    for x in inputs:
        i, f, g, o = np.split(w_ih @ x + w_hh @ hidden + bias, 4)
        cell = np.clip(sigmoid(f) * cell + sigmoid(i) * np.tanh(g), -of_cell, of_cell)
        hidden = np.clip(w_hr @ (sigmoid(o) * np.tanh(cell)), -of_state, of_state)
        states.append(hidden)
    return np.array(states), cell


@pytest.mark.parametrize("clips", CLIPS)
def test_states_are_those_of_the_formulas(clips, monkeypatch):
    monkeypatch.setattr("jptransfer.models.layers.projected_lstm.BLOCK", 4)
    made = layer(*clips)
    inputs, hidden, cell = torch.randn(2, 10, 4), torch.randn(2, 3) * 0.1, torch.randn(2, 7) * 0.1
    states, (last, after) = made(inputs, (hidden, cell))
    for row in range(2):
        expected, expected_cell = by_hand(made, *(part[row].double().numpy() for part in (inputs, hidden, cell)))
        np.testing.assert_allclose(states[row].detach(), expected, atol=1e-5)
        np.testing.assert_allclose(after[row].detach(), expected_cell, atol=1e-5)
    assert torch.equal(last, states[:, -1])
    for clip, values in zip(clips, (after, states), strict=True):
        assert not clip or float(values.detach().abs().max()) == pytest.approx(clip)


def test_both_paths_agree_where_nothing_is_clipped():
    exact, fused = layer(1e6, 1e6), layer()
    results = []
    for made in (exact, fused):
        inputs = torch.linspace(-1, 1, 2 * 9 * 4).view(2, 9, 4).requires_grad_()
        state = tuple(part.requires_grad_() for part in made.start(inputs.detach()))
        states, (_, cell) = made(inputs, state)
        (states.square().sum() + cell.sum()).backward()
        results.append([states.detach(), inputs.grad, *(part.grad for part in state),
                        *(parameter.grad for parameter in made.parameters())])
    for one, other in zip(*results, strict=True):
        torch.testing.assert_close(one, other, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("clips", CLIPS)
def test_gradients_are_those_of_differences(clips):
    torch.manual_seed(1)
    shapes = [(4, 2, 12), (2, 2), (2, 3), (12, 2), (2, 3)]
    arguments = [torch.randn(shape, dtype=torch.float64).requires_grad_() for shape in shapes]
    assert torch.autograd.gradcheck(lambda *given: clipped_lstm(*given, *clips), arguments)


def test_read_in_two_goes_is_read_in_one():
    made = layer(0.4, 0.2)
    inputs = torch.randn(3, 8, 4)
    whole, last = made(inputs, made.start(inputs))
    first, state = made(inputs[:, :5], made.start(inputs))
    second, end = made(inputs[:, 5:], state)
    torch.testing.assert_close(torch.cat((first, second), 1), whole)
    torch.testing.assert_close(end, last)


def test_fresh_weights():
    made = ProjectedLstmLayer(4, 7, 3)
    made.reset_parameters()
    assert made.bias.tolist() == [0.0] * 7 + [1.0] * 7 + [0.0] * 14
    assert 0.3 < made.weight_ih.abs().max() <= (6 / 35) ** 0.5
