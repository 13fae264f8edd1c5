"""The biattentive classification network against numpy worked from the formulas, one text at a time."""

import numpy as np
import pytest
import torch

from jptransfer.config import HeadConfig, ModelConfig
from jptransfer.models.encoder import encode
from jptransfer.models.encoders.awd_lstm import configuration
from jptransfer.models.encoders.awd_lstm_settings import AwdLstmModelConfig, Direction
from jptransfer.models.heads.bcn import Maxout, biattention
from jptransfer.models.heads.bcn_settings import BcnHeadConfig
from jptransfer.models.task_models import fresh_head, load_task_model, save_task_model, task_output
from jptransfer.models.windows import Windows
from jptransfer.tasks.classification import Classification
from tests.models.by_hand import lstm, softmax
from tests.models.tagger import words_tokenizer
from tests.models.vectors import VOCAB, batch, task_model

SIZE = {"hidden": 4, "maxout": [6, 5], "maxout_dropouts": [0.2, 0.3], "pool": 3}


def head(**changes):
    return HeadConfig("bcn", 0.1, bcn=BcnHeadConfig(**SIZE | changes))


def one_way(weights, prefix, inputs):
    names = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    return lstm(*(weights[f"{prefix}.{name}_l0"] for name in names), inputs)


def both(weights, name, inputs):
    ahead, back = one_way(weights, f"{name}.ahead", inputs), one_way(weights, f"{name}.back", inputs[::-1])
    return np.concatenate((ahead, back[::-1]), 1)


def by_hand(weights, inputs, pool=SIZE["pool"]):
    fed = np.maximum(0, inputs @ weights["feedforward.1.weight"].T + weights["feedforward.1.bias"])
    x = both(weights, "reader", fed)
    attended = softmax(x @ x.T) @ x
    y = both(weights, "integrator", np.concatenate((x, x - attended, x * attended), 1))
    shares = softmax((y @ weights["score.weight"].T + weights["score.bias"])[:, 0])
    vector = np.concatenate((y.max(0), y.min(0), y.mean(0), shares @ y))
    for number in range(3):
        linear = weights[f"classifier.layers.{number}.weight"] @ vector + weights[f"classifier.layers.{number}.bias"]
        vector = linear.reshape(-1, pool).max(1)
    return vector


def test_logits_by_hand():
    model = task_model("lstm", head()).eval()
    inputs = batch([6, 1, 3])
    with torch.no_grad():
        states, found = encode(model, inputs).last.double().numpy(), task_output(model, inputs)
    weights = {name: value.double().numpy() for name, value in model.head.state_dict().items()}
    for number, length in enumerate([6, 1, 3]):
        np.testing.assert_allclose(found.logits[number], by_hand(weights, states[number, :length]), atol=1e-5)


def test_biattention_and_maxout_by_hand():
    states = torch.randn(2, 4, 3, dtype=torch.float64)
    found = biattention(states, torch.tensor([[True] * 4, [True] * 2 + [False] * 2]))
    for row, length in enumerate((4, 2)):
        text = states[row, :length].numpy()
        expected = [sum(weight * state for weight, state in zip(softmax(text @ one), text, strict=True))
                    for one in text]
        np.testing.assert_allclose(found[row, :length], expected)
    layers = Maxout(3, [2], 4, [0.0]).double()
    weight, bias = (part.detach().numpy() for part in layers.layers[0].parameters())
    x = states[0, 0]
    pieces = weight @ x.numpy() + bias
    assert layers(x).tolist() == pytest.approx([pieces[:4].max(), pieces[4:].max()])


def test_word_vectors_stand_beside_the_states(tmp_path):
    tokenizer = words_tokenizer()
    words = [tokenizer.token(index) for index in (6, 8)]
    file = tmp_path / "vectors.vec"
    file.write_text(f"2 3\n{words[0]} 1 2 3\n{words[1]} 4 5 6\n", encoding="utf-8")
    settings = head(vectors=str(file), vector_width=3)
    model = task_model("lstm", settings).eval()
    told = model.head.start_from(tokenizer)
    assert told["head_vectors"]["found"] == 2
    assert model.head.table.frozen[[6, 8]].tolist() == [[1, 2, 3], [4, 5, 6]]
    assert not any(name.startswith("table") for name, _ in model.head.named_parameters())
    inputs = batch([5, 3])
    with torch.no_grad():
        states, found = encode(model, inputs).last.double(), task_output(model, inputs).logits
    weights = {name: value.double().numpy() for name, value in model.head.state_dict().items()}
    beside = torch.cat((model.head.table(inputs["input_ids"]).double(), states), -1).numpy()
    for number, length in enumerate([5, 3]):
        np.testing.assert_allclose(found[number], by_hand(weights, beside[number, :length]), atol=1e-5)
    save_task_model(model, tmp_path / "saved")
    file.unlink()
    again = load_task_model(tmp_path / "saved", Classification.output, settings).eval()
    torch.testing.assert_close(task_output(again, inputs).logits, found)


@pytest.mark.parametrize("direction", Direction)
def test_word_vectors_stand_beside_the_states_of_windows(direction):
    size = AwdLstmModelConfig(layers=2, embedding=6, hidden=9, direction=direction)
    encoder = configuration(ModelConfig("awd_lstm", awd_lstm=size), VOCAB, 0)
    settings, inputs = head(vectors="a.vec", vector_width=3), batch([7, 4])
    whole, windows = (fresh_head(encoder, Classification.output, ["a", "b"], settings, 0, windows=windows).eval()
                      for windows in (None, Windows(3, 20)))
    with torch.no_grad():
        torch.testing.assert_close(task_output(windows, inputs).logits, task_output(whole, inputs).logits)


def test_what_does_not_fit_is_told():
    assert "one for each layer" in BcnHeadConfig(maxout=[5], maxout_dropouts=[0.1, 0.2]).validate()
    assert task_model("lstm", head(vectors="a.vec")).head.table.frozen.shape[0] == VOCAB
