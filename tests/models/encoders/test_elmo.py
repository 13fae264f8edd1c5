"""ELMo against numpy worked from the formulas, one word and one text at a time."""

import numpy as np
import pytest
import torch
import transformers

from jptransfer.models.encoder import encode
from jptransfer.models.encoders.elmo import PADDING, TEXT_BEGIN, TEXT_END, WORD_BEGIN, WORD_END
from jptransfer.models.pretrained import load_language_model, save_language_model
from jptransfer.transfer.groups import freeze, layer_groups
from tests.models.by_hand import sigmoid
from tests.models.layers.test_projected_lstm import by_hand
from tests.models.spelt import SIZE, VOCAB, WORDS, batch, language_model, random_words, text, word
from tests.models.vectors import check_groups


def numbers(module):
    return {name: value.detach().double().numpy() for name, value in module.state_dict().items()}


def spelling(ids, longest=SIZE["max_characters"]):
    """The row of symbols of a word given by its ids, as the original lays it out."""
    units = VOCAB - WORDS
    inside = {2: [units + TEXT_BEGIN], 3: [units + TEXT_END]}.get(ids[0], [index - WORDS for index in ids[1:]])
    row = [units + WORD_BEGIN, *inside[:longest - 2], units + WORD_END]
    return row + [units + PADDING] * (longest - len(row))


def vector(reader, ids):
    weights = numbers(reader)
    symbols = weights["symbols.weight"][spelling(ids)]
    answers = []
    for number, width in enumerate(SIZE["widths"]):
        kernel, bias = weights[f"filters.{number}.weight"], weights[f"filters.{number}.bias"]
        windows = [symbols[place:place + width].T for place in range(len(symbols) - width + 1)]
        answers.append(np.max([(kernel * window).sum((1, 2)) + bias for window in windows], axis=0))
    x = np.maximum(0, np.concatenate(answers))
    for number in range(SIZE["highways"]):
        gate, transform = ({part: weights[f"highways.{number}.{name}.{part}"] for part in ("weight", "bias")}
                           for name in ("gate", "transform"))
        carry = sigmoid(gate["weight"] @ x + gate["bias"])
        x = carry * np.maximum(0, transform["weight"] @ x + transform["bias"]) + (1 - carry) * x
    return weights["projection.weight"] @ x + weights["projection.bias"]


def states_by_hand(encoder, words):
    vectors = np.array([vector(encoder.reader, one) for one in words])
    layers = [np.concatenate((vectors, vectors), -1)]
    below = {1: vectors, -1: vectors[::-1]}
    for depth in range(SIZE["layers"]):
        for turn, part in ((1, encoder.ahead), (-1, encoder.back)):
            states, _ = by_hand(part[depth], below[turn], np.zeros(SIZE["projection"]), np.zeros(SIZE["hidden"]))
            below[turn] = states + below[turn] if depth else states
        layers.append(np.concatenate((below[1], below[-1][::-1]), -1))
    return layers


@pytest.mark.parametrize("clips", [(3.0, 3.0), (0.05, 0.02), (0.0, 0.0)])
def test_states_and_scores_are_those_of_the_formulas(clips):
    made = language_model(cell_clip=clips[0], projection_clip=clips[1])
    texts = [[[2], *random_words(count, seed), [3]] for count, seed in ((6, 0), (2, 1), (9, 2))]
    inputs = batch(*[[index for one in words for index in one] for words in texts])
    with torch.no_grad():
        output, scores = made.encoder(**inputs, output_hidden_states=True), made(**inputs)
    weight, bias = made.decoder.weight.detach().double().numpy(), made.decoder.bias.detach().double().numpy()
    for row, words in enumerate(texts):
        expected = states_by_hand(made.encoder, words)
        for found, layer in zip(output.hidden_states, expected, strict=True):
            np.testing.assert_allclose(found[row, :len(words)], layer, atol=1e-5)
            assert not found[row, len(words):].any()
        ahead, back = np.split(expected[-1], 2, axis=1)
        np.testing.assert_allclose(scores.next_logits[row, :len(words)], ahead @ weight.T + bias, atol=1e-5)
        np.testing.assert_allclose(scores.previous_logits[row, :len(words)], back @ weight.T + bias, atol=1e-5)


def test_padding_of_words_changes_nothing(monkeypatch):
    made = language_model(max_characters=30).encoder
    monkeypatch.setattr("jptransfer.models.encoders.elmo.LEAST_PART", 2)
    inputs = batch(text(40))
    with torch.no_grad():
        cut = made(**inputs).last_hidden_state
        spelt = made.reader.spell(made.find_words(inputs["input_ids"], None))
        assert spelt.shape[1] < 30
        whole = torch.nn.functional.pad(spelt, (0, 30 - spelt.shape[1]), value=VOCAB - WORDS + PADDING)
        symbols = made.reader.symbols(whole).transpose(1, 2)
        answers = torch.cat([filters(symbols).amax(2) for filters in made.reader.filters], 1).relu()
        read, order = made.reader.answers(spelt)
        torch.testing.assert_close(read[order], answers)
        assert cut.isfinite().all()


def test_a_text_does_not_depend_on_its_batch():
    made = language_model()
    texts = [text(4, 1), text(12, 2), [2, 3], [2, *word(5, "a"), 3], [2, *word(7, "xyz")[1:], *word(8, "a")]]
    together_length = 200
    with torch.no_grad():
        together = encode(made, batch(*texts, longest=together_length))
        for row, one in enumerate(texts):
            alone = encode(made, batch(one))
            count = int(alone.mask.sum())
            assert together.mask[row].tolist() == [place < count for place in range(together.mask.shape[1])]
            places = together.places[row, :count] - row * together_length
            assert places.tolist() == alone.places[0].tolist()
            for whole, single in zip(together.states, alone.states, strict=True):
                torch.testing.assert_close(whole[row, :count], single[0], atol=1e-6, rtol=1e-5)


def test_streams_read_in_windows_are_one_text():
    made = language_model()
    words = [random_words(12, seed, 6) for seed in (0, 1)]
    with torch.no_grad():
        ahead = made.encoder(**batch(*(sum(one, []) for one in words))).last_hidden_state[..., :5]
        back = made.encoder(**batch(*(sum(one, []) for one in words))).last_hidden_state[..., 5:]
        state = None
        for start, stop in ((0, 5), (5, 6), (6, 12)):
            rows = [sum(one[start:stop], []) for one in words]
            rows += [sum(one[12 - stop:12 - start], []) for one in words]
            reading = made.read_streams(batch(*rows)["input_ids"], state)
            state = reading.state
            torch.testing.assert_close(reading.states[:2], ahead[:, start:stop], atol=1e-6, rtol=1e-5)
            torch.testing.assert_close(reading.states[2:], back[:, 12 - stop:12 - start], atol=1e-6, rtol=1e-5)
    assert [part.shape for part in state] == [(2, 5), (2, 7)] * 4


def test_saved_and_loaded(tmp_path):
    made = language_model()
    inputs = batch(text(5), text(8, 1))
    save_language_model(made, tmp_path)
    for loaded in (load_language_model(tmp_path), transformers.AutoModelForPreTraining.from_pretrained(tmp_path)):
        assert torch.equal(loaded.eval()(**inputs).next_logits, made(**inputs).next_logits)
    encoder = transformers.AutoModel.from_pretrained(tmp_path)
    assert torch.equal(encoder(**inputs).last_hidden_state, made.encoder(**inputs).last_hidden_state)


def test_fresh_weights():
    made = language_model()
    highway = made.encoder.reader.highways[0]
    assert set(highway.gate.bias.tolist()) == {-2.0} and not highway.transform.bias.any()
    assert 0.9 < made.encoder.reader.symbols.weight.abs().max() <= 1
    assert made.encoder.reader.filters[0].weight.abs().max() <= 0.05
    assert not made.decoder.bias.any() and made.decoder.weight.shape == (WORDS, 5)
    assert made.encoder.ahead[1].bias.tolist() == [0.0] * 7 + [1.0] * 7 + [0.0] * 14


def test_groups_and_gradients():
    made = language_model().train()
    check_groups("elmo", made)
    groups = layer_groups(made)
    assert list(groups) == ["embeddings", "layer.0", "layer.1", "head"]
    freeze(groups, ["embeddings", "layer.1"])
    output = made(**batch(text(6), text(9, 1)))
    (output.next_logits.square().sum() + output.previous_logits.square().sum()).backward()
    for name, parameters in groups.items():
        for parameter in parameters.values():
            assert (parameter.grad is None) == (name in ("embeddings", "layer.1"))
            assert parameter.grad is None or parameter.grad.any()


def test_dropout():
    made = language_model(dropout=0.5)
    inputs = batch(text(9))
    plain = made(**inputs).next_logits
    assert not torch.equal(made.train()(**inputs).next_logits, plain)
