"""Reading in windows against reading in one piece, row by row."""

import pytest
import torch

from jptransfer.config import HeadConfig, ModelConfig
from jptransfer.errors import ConfigError
from jptransfer.models.encoder import encode
from jptransfer.models.encoders.awd_lstm import AwdLstmModel, configuration
from jptransfer.models.encoders.awd_lstm_settings import AwdLstmModelConfig, Cell, Direction
from jptransfer.models.task_models import fresh_head
from jptransfer.models.windows import Windows, encode_windows
from jptransfer.tasks.classification import Classification
from tests.models.test_task_models import config as bert

VOCAB = 60
LENGTHS = (3, 20, 7, 33, 14, 1, 21)
CASES = [(cell, direction) for cell in Cell for direction in Direction]


def encoder(cell=Cell.lstm, direction=Direction.forward) -> AwdLstmModel:
    size = AwdLstmModelConfig(layers=2, embedding=6, hidden=9, cell=cell, direction=direction)
    torch.manual_seed(0)
    return AwdLstmModel(configuration(ModelConfig("awd_lstm", awd_lstm=size), VOCAB, 0)).eval()


def texts(*lengths):
    generator = torch.Generator().manual_seed(1)
    return [torch.randint(1, VOCAB, (length,), generator=generator) for length in lengths]


def batch(rows, left=False):
    ids = torch.nn.utils.rnn.pad_sequence(rows, batch_first=True, padding_side="left" if left else "right")
    return {"input_ids": ids, "attention_mask": (ids > 0).long()}


@pytest.mark.parametrize("left", [False, True])
@pytest.mark.parametrize("windows", [Windows(7, 14), Windows(5, 1), Windows(4, 100), Windows(50, 10)], ids=str)
@pytest.mark.parametrize(("cell", "direction"), CASES)
def test_states_are_those_of_each_text_read_alone_in_one_piece(cell, direction, windows, left):
    model, rows = encoder(cell, direction), texts(*LENGTHS)
    with torch.no_grad():
        found = encode_windows(model, batch(rows, left), windows)
    assert found.backward is (direction is Direction.backward)
    for row, states, mask in zip(rows, found.last, found.mask, strict=True):
        kept = min(len(row), windows.seen)
        assert mask.tolist() == [place < kept for place in range(found.mask.shape[1])]
        with torch.no_grad():
            alone = encode(model, {"input_ids": row[None]}).last[0]
        expected = alone[:kept] if direction is Direction.backward else alone[-kept:]
        torch.testing.assert_close(states[:kept], expected, atol=1e-6, rtol=1e-5)


def test_gradients_are_those_of_reading_window_by_window():
    model, rows, windows = encoder(), texts(33, 12, 20), Windows(7, 14)
    found = encode_windows(model, batch(rows), windows)
    found.last[found.mask].square().sum().backward()
    gradients = {name: parameter.grad.clone() for name, parameter in model.named_parameters()}
    model.zero_grad()
    for row in rows:
        pieces, state = [], None
        for piece in row[None].split(windows.width, 1):
            states, state = model.read(piece, state)
            state = tuple(part.detach() for part in state)
            pieces.append(states[-1])
        torch.cat(pieces, 1)[0, -windows.seen:].square().sum().backward()
    for name, parameter in model.named_parameters():
        torch.testing.assert_close(gradients[name], parameter.grad, atol=1e-6, rtol=1e-4)


def test_nothing_learns_from_windows_that_the_head_does_not_see():
    model = encoder()
    row = torch.arange(1, 50)
    encode_windows(model, batch([row]), Windows(7, 10)).last.sum().backward()
    moved = model.embeddings.weight.grad.abs().sum(1).nonzero()[:, 0]
    assert moved.tolist() == list(range(36, 50))  # tokens 39 to 48 are seen; their windows begin at token 35


def saved_bytes(model, rows, windows) -> int:
    total = 0

    def count(tensor):
        nonlocal total
        total += tensor.numel() * tensor.element_size()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(count, lambda tensor: tensor):
        encode_windows(model, batch(rows), windows)
    return total


def test_memory_does_not_grow_with_the_text():
    model, windows = encoder().train(), Windows(7, 21)
    short, long = (saved_bytes(model, texts(length, 10, 2), windows) for length in (42, 4200))
    ids = 3 * (4200 - 42) * 8
    assert long - short <= ids


def test_encoders_without_a_state_are_named():
    head = HeadConfig("pooled")
    with pytest.raises(ConfigError, match="BertModel carries no state"):
        fresh_head(bert(), Classification.output, ["a", "b"], head, 0, windows=Windows(7, 14))
    with pytest.raises(ConfigError, match="BertModel carries no state"):
        fresh_head(bert(), Classification.output, ["a", "b"], HeadConfig(), 0, windows=Windows(7, 14))
