import pytest
import torch
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from jptransfer.models.encoder import encode
from jptransfer.models.encoders import recurrent
from jptransfer.models.encoders.recurrent import RecurrentLayer, inference_cache, turn
from jptransfer.models.layers.cells import StepWeights
from jptransfer.models.layers.word_rows import at_places
from tests.models.vectors import batch, task_model


@pytest.mark.parametrize("architecture", ["rnn", "lstm"])
@pytest.mark.parametrize("both", [False, True])
def test_states_are_those_of_torchs_packed_sequences(architecture, both):
    encoder = task_model(architecture, both=both).eval().encoder
    inputs = batch([4, 1, 7, 2], longest=9)
    lengths = inputs["attention_mask"].sum(1)
    with torch.no_grad():
        states = encode(encoder, inputs).states
        for layer, (below, above) in enumerate(zip(states, states[1:], strict=False)):
            weights = _packed_weights(encoder.layers[layer])
            net = type(encoder).cell(below.shape[2], 5, batch_first=True, bidirectional=both)
            net.load_state_dict(weights)
            packed = pack_padded_sequence(below, lengths, batch_first=True, enforce_sorted=False)
            expected, _ = pad_packed_sequence(net(packed)[0], batch_first=True, total_length=9)
            torch.testing.assert_close(above, expected, rtol=1e-5, atol=1e-6)


def _packed_weights(layer):
    weights = dict(layer.ahead.state_dict())
    if layer.back is not None:
        weights |= {f"{name}_reverse": value for name, value in layer.back.state_dict().items()}
    return weights


def test_turning_twice_changes_nothing_and_padding_stays():
    states, mask = torch.arange(12.0).view(2, 6, 1), torch.tensor([[1, 1, 1, 1, 1, 1], [1, 1, 1, 0, 0, 0]])
    once = turn(states, mask)
    assert once[..., 0].tolist() == [[5, 4, 3, 2, 1, 0], [8, 7, 6, 9, 10, 11]]
    assert torch.equal(turn(once, mask), states)


def ragged(cell, both, lengths, width=4, seed=0):
    """A layer, vectors of texts (batch, longest, width) with numbers where there is nothing, and their mask."""
    torch.manual_seed(seed)
    mask = torch.arange(max(1, *lengths)) < torch.tensor(lengths)[:, None]
    return RecurrentLayer(cell, width, 3, both), torch.randn(*mask.shape, width), mask


@pytest.mark.parametrize("cell", [torch.nn.LSTM, torch.nn.RNN])
@pytest.mark.parametrize("both", [False, True])
@pytest.mark.parametrize("padding", [0, 5, 1000])
def test_states_and_gradients_are_those_of_torchs_packed_sequences(monkeypatch, cell, both, padding):
    monkeypatch.setattr(recurrent, "CPU_PADDING", padding)  # 0: hardly a text with another, 1000: all together
    layer, states, mask = ragged(cell, both, [4, 1, 7, 2, 7, 3])
    net = cell(4, 3, batch_first=True, bidirectional=both)
    net.load_state_dict(_packed_weights(layer))
    packed = pack_padded_sequence(states.requires_grad_(), mask.sum(1), batch_first=True, enforce_sorted=False)
    expected = pad_packed_sequence(net(packed)[0], batch_first=True)[0]
    found = layer(states, mask)
    torch.testing.assert_close(found[mask], expected[mask])
    parameters = [net.get_parameter(name) for name in _packed_weights(layer)]
    wanted = torch.autograd.grad(expected[mask].square().sum(), [states, *parameters])
    sides = [layer.ahead, layer.back] if both else [layer.ahead]
    own = [parameter for side in sides for parameter in side.parameters()]
    for mine, theirs in zip(torch.autograd.grad(found[mask].square().sum(), [states, *own]), wanted, strict=True):
        torch.testing.assert_close(mine, theirs)


@pytest.mark.parametrize("cell", [torch.nn.LSTM, torch.nn.RNN])
@pytest.mark.parametrize("lengths", [[4, 1, 7, 2], [3, 0, 1], [0, 0], [1], [5] * 3])
@pytest.mark.parametrize("different", [2, 40])
def test_without_gradients_and_from_the_different_vectors_states_are_the_same(cell, lengths, different):
    layer, _, mask = ragged(cell, True, lengths)
    vectors, which = torch.randn(different, 4), torch.randint(different, mask.shape)
    expected = layer(vectors[which], mask)[mask]
    with torch.no_grad():
        torch.testing.assert_close(layer(vectors[which], mask)[mask], expected)
        torch.testing.assert_close(layer(vectors, mask, which)[mask], expected)
    torch.testing.assert_close(layer(vectors, mask, which)[mask], expected)


def test_what_padding_holds_changes_nothing():
    layer, states, mask = ragged(torch.nn.LSTM, True, [4, 1, 7, 0])
    other = torch.where(mask.unsqueeze(-1), states, 7.0)
    assert torch.equal(layer(states, mask)[mask], layer(other, mask)[mask])
    with torch.no_grad():
        assert torch.equal(layer(states, mask)[mask], layer(other, mask)[mask])


def test_steady_weights_are_laid_out_once_and_forgotten(monkeypatch):
    layer, vectors, mask = ragged(torch.nn.LSTM, True, [4, 1, 7, 2])
    with torch.no_grad():
        expected = layer(vectors, mask)
        with inference_cache(torch.nn.Sequential(layer)):
            monkeypatch.setattr(StepWeights, "of", None)  # called again it would fail
            assert torch.equal(layer(vectors, mask), expected)
        monkeypatch.undo()
        layer.ahead.weight_hh_l0.mul_(2)
        assert not torch.equal(layer(vectors, mask), expected)


@pytest.mark.parametrize("cell", [torch.nn.LSTM, torch.nn.RNN])
@pytest.mark.parametrize("gradients", [False, True])
def test_states_at_places_are_those_of_word_rows(cell, gradients):
    layer, _, mask = ragged(cell, True, [4, 0, 7, 2])
    vectors, which = torch.randn(5, 4), torch.randint(5, mask.shape)
    places = torch.arange(len(mask))[:, None] * 20 + 2 * torch.arange(mask.shape[1]) + 3
    with torch.set_grad_enabled(gradients):
        expected = at_places(layer(vectors[which], mask), places, mask, 20)
        torch.testing.assert_close(layer.at_places(vectors, mask, which, places, 20), expected)
