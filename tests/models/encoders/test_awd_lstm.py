"""AWD-LSTM and QRNN against numpy worked from the formulas."""

import numpy as np
import pytest
import torch
import transformers

from jptransfer.config import ModelConfig, ObjectiveConfig
from jptransfer.models.encoders.awd_lstm import configuration
from jptransfer.models.encoders.awd_lstm_settings import AwdLstmModelConfig, Cell, Direction
from jptransfer.models.layers.cells import embed, forget_mult, variational_dropout
from jptransfer.models.pretrained import fresh_language_model, load_language_model, save_language_model
from jptransfer.transfer.groups import freeze, layer_groups
from tests.models.by_hand import lstm, sigmoid
from tests.models.vectors import check_groups

VOCAB = 30
CASES = [(cell, direction) for cell in Cell for direction in Direction]


def model(cell=Cell.lstm, direction=Direction.forward, layers=3, seed=0, **settings):
    size = AwdLstmModelConfig(layers=layers, embedding=6, hidden=9, cell=cell, direction=direction, **settings)
    torch.manual_seed(seed)
    settings = configuration(ModelConfig("awd_lstm", awd_lstm=size), VOCAB, 0)
    made = fresh_language_model(settings, ObjectiveConfig("causal")).eval()
    torch.nn.init.normal_(made.decoder.bias)
    return made


def batch(*lengths, seed=0):
    random = np.random.default_rng(seed)
    ids, mask = np.zeros((len(lengths), max(lengths)), np.int64), np.zeros((len(lengths), max(lengths)), np.int64)
    for row, length in enumerate(lengths):
        ids[row, :length], mask[row, :length] = random.integers(1, VOCAB, length), 1
    return torch.from_numpy(ids), torch.from_numpy(mask)


def lstm_by_hand(layer, inputs):
    w_ih, w_hh, b_ih, b_hh = (getattr(layer, name).detach().double().numpy()
                              for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"))
    return lstm(w_ih, w_hh, b_ih, b_hh, inputs)


def qrnn_by_hand(layer, inputs):
    weight, bias = layer.weight.detach().double().numpy(), layer.bias.detach().double().numpy()
    hidden, before = np.zeros(layer.width), np.zeros(inputs.shape[1])
    states = []
    for x in inputs:
        z, f, o = np.split(weight @ (np.concatenate([before, x]) if layer.window == 2 else x) + bias, 3)
        hidden = sigmoid(f) * np.tanh(z) + (1 - sigmoid(f)) * hidden
        states.append(sigmoid(o) * hidden)
        before = x
    return np.array(states)


BY_HAND = {Cell.lstm: lstm_by_hand, Cell.qrnn: qrnn_by_hand}


@pytest.mark.parametrize(("cell", "direction"), CASES)
def test_states_and_scores_are_those_of_the_formulas(cell, direction):
    made = model(cell, direction)
    ids, _ = batch(7)
    with torch.no_grad():
        output = made(ids)
    turn = slice(None, None, -1 if direction is Direction.backward else 1)
    states = made.encoder.embeddings.weight.detach().double().numpy()[ids[0].numpy()][turn]
    np.testing.assert_allclose(output.hidden_states[0][0].numpy()[turn], states, atol=1e-6)
    for depth, layer in enumerate(made.encoder.layers):
        states = BY_HAND[cell](layer, states)
        np.testing.assert_allclose(output.hidden_states[depth + 1][0].numpy()[turn], states, atol=1e-5)
    decoder = made.decoder
    scores = states @ decoder.weight.detach().double().numpy().T + decoder.bias.detach().double().numpy()
    np.testing.assert_allclose(output.logits[0].numpy()[turn], scores, atol=1e-5)


@pytest.mark.parametrize(("cell", "direction"), CASES)
def test_a_row_does_not_depend_on_its_batch_nor_on_the_side_of_its_padding(cell, direction):
    made = model(cell, direction)
    ids, mask = batch(4, 9, 6)
    with torch.no_grad():
        together = made(ids, mask).logits
        left = made(ids.roll(5, 1)[:1], mask.roll(5, 1)[:1]).logits
        alone = made(ids[:1, :4]).logits
    torch.testing.assert_close(together[:1, :4], alone, atol=1e-6, rtol=1e-5)
    torch.testing.assert_close(left[:, 5:], alone, atol=1e-6, rtol=1e-5)


@pytest.mark.parametrize("cell", list(Cell))
def test_a_stream_read_in_windows_is_one_text(cell):
    made = model(cell)
    ids, _ = batch(12, 12)
    with torch.no_grad():
        whole, state = made.encoder(ids).last_hidden_state, None
        for start in (0, 5, 6):
            stop = {0: 5, 5: 6, 6: 12}[start]
            reading = made.read_stream(ids[:, start:stop], state)
            torch.testing.assert_close(reading.states, whole[:, start:stop], atol=1e-6, rtol=1e-5)
            state = reading.state


@pytest.mark.parametrize(("cell", "direction"), CASES)
def test_saved_and_loaded(tmp_path, cell, direction):
    made = model(cell, direction)
    ids, mask = batch(5, 8)
    save_language_model(made, tmp_path)
    for loaded in (load_language_model(tmp_path), transformers.AutoModelForCausalLM.from_pretrained(tmp_path)):
        assert torch.equal(loaded.eval()(ids, mask).logits, made(ids, mask).logits)
        assert loaded.decoder.weight is loaded.encoder.embeddings.weight
    encoder = transformers.AutoModel.from_pretrained(tmp_path)
    assert torch.equal(encoder(ids, mask).last_hidden_state, made.encoder(ids, mask).last_hidden_state)


def test_fresh_weights():
    made = fresh_language_model(configuration(ModelConfig("awd_lstm"), 500, 3), ObjectiveConfig("causal"))
    table = made.encoder.embeddings.weight
    assert not table[3].any() and 0.099 < table.abs().max() <= 0.1 and not made.decoder.bias.any()
    assert [layer.weight_hh.shape[1] for layer in made.encoder.layers] == [1152, 1152, 400]
    assert made.encoder.layers[0].weight_hh.abs().max() <= 1152 ** -0.5


@pytest.mark.parametrize("cell", list(Cell))
def test_groups_and_gradients(cell):
    made = model(cell).train()
    check_groups("awd_lstm", made)
    groups = layer_groups(made)
    assert list(groups) == ["embeddings", "layer.0", "layer.1", "layer.2", "head"]
    freeze(groups, ["embeddings", "layer.1"])
    made(batch(6, 6)[0]).logits.square().sum().backward()
    for name, parameters in groups.items():
        for parameter in parameters.values():
            assert (parameter.grad is None) == (name in ("embeddings", "layer.1"))
            assert parameter.grad is None or parameter.grad.any()


def test_dropouts():
    torch.manual_seed(0)
    table = torch.nn.Embedding(50, 4)
    ids = torch.arange(50).repeat(2, 1)
    kept = embed(table, ids, 0.5, True) / table(ids)
    assert set(kept.detach().round(decimals=3).unique().tolist()) == {0.0, 2.0}
    assert torch.equal(kept[0], kept[1]) and (kept == kept[..., :1]).all()
    states = variational_dropout(torch.ones(3, 20, 40), 0.5, True)
    assert torch.equal(states, states[:, :1].expand_as(states)) and not torch.equal(states[0], states[1])
    assert torch.equal(variational_dropout(states, 0.5, False), states)


def test_the_factor_scales_every_dropout():
    made = model(output_dropout=0.5, hidden_dropout=0.5, input_dropout=0.5, embedding_dropout=0.5, weight_dropout=0.5)
    ids = batch(9)[0]
    with torch.no_grad():
        plain = made(ids).logits
        assert not torch.equal(made.train()(ids).logits, plain)
        made.scale_dropouts(0.0)
        torch.testing.assert_close(made(ids).logits, plain)


def test_forget_mult_has_the_gradients_of_its_loop():
    arguments = [torch.randn(5, 2, 3, dtype=torch.float64), torch.rand(5, 2, 3, dtype=torch.float64),
                 torch.randn(2, 3, dtype=torch.float64)]
    assert torch.autograd.gradcheck(forget_mult, [argument.requires_grad_() for argument in arguments])
