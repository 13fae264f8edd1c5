import pytest
import torch
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from jptransfer.models.encoder import encode
from jptransfer.models.recurrent import turn
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
