"""Generation: the same text for the same seed, valid UTF-8, models that read token by token, fixed units."""

import json

import numpy as np
import pytest
import torch

from jptransfer.config import (
    ClampConfig,
    ClampOf,
    GenerateConfig,
    GenerationConfig,
    ModelConfig,
    ObjectiveConfig,
    TokenizerConfig,
)
from jptransfer.errors import ConfigError, DataError
from jptransfer.inference.generate import choose, generate_texts
from jptransfer.models.encoders.awd_lstm_settings import AwdLstmModelConfig, Cell, Direction
from jptransfer.models.encoders.byte_lstm_settings import ByteLstmModelConfig, MultiplicativeLstmModelConfig
from jptransfer.models.layers.cells import FREE, Clamp
from jptransfer.models.pretrained import (
    fresh_configuration,
    fresh_language_model,
    load_causal_model,
    save_language_model,
)
from jptransfer.text.simple_settings import ByteTokenizerConfig
from jptransfer.text.tokenizers import train_tokenizer
from tests.families import FAMILIES

BYTES = train_tokenizer(TokenizerConfig(kind="byte", byte=ByteTokenizerConfig(special_tokens=False), nfkc=False))
CHARACTERS = train_tokenizer(TokenizerConfig("character", kind="character", vocab_size=40, min_frequency=1),
                             ["雨が降る。良い宿だ!"])
SMALL = AwdLstmModelConfig(layers=2, embedding=6, hidden=8)
MODELS = {
    "byte_lstm": (ModelConfig("byte_lstm", byte_lstm=ByteLstmModelConfig(12, 6)), BYTES),
    "multiplicative_lstm": (ModelConfig(
        "multiplicative_lstm", multiplicative_lstm=MultiplicativeLstmModelConfig(12, 6)), BYTES),
    "awd_lstm": (ModelConfig("awd_lstm", awd_lstm=SMALL), CHARACTERS),
    "qrnn": (ModelConfig("awd_lstm", awd_lstm=AwdLstmModelConfig(
        layers=2, embedding=6, hidden=8, cell=Cell.qrnn)), CHARACTERS),
    "backward": (ModelConfig("awd_lstm", awd_lstm=AwdLstmModelConfig(
        layers=2, embedding=6, hidden=8, direction=Direction.backward)), CHARACTERS),
}
EVERY = pytest.mark.parametrize("name", MODELS)


def language_model(name):
    config, tokenizer = MODELS[name]
    torch.manual_seed(0)
    made = fresh_language_model(fresh_configuration(config, tokenizer), ObjectiveConfig("causal")).eval()
    with torch.no_grad():
        for parameter in made.parameters():  # fresh ones give nearly equal scores
            parameter += 0.5 * torch.randn_like(parameter)
    return made


@pytest.fixture
def folder(tmp_path):
    def write(name):
        place = tmp_path / name
        if name in MODELS:
            place.mkdir()
            save_language_model(language_model(name), place)
            MODELS[name][1].save(place)
        else:
            torch.manual_seed(0)
            tokenizer = FAMILIES[name].tokenizer()
            FAMILIES[name].model(len(tokenizer)).save_pretrained(place)
            tokenizer.save_pretrained(place)
        return place
    return write


@pytest.fixture
def generated(folder, tmp_path, runtime):
    places = {}

    def run(name, **settings):
        place = places.setdefault(name, None) or folder(name)
        places[name] = place
        generation = GenerationConfig(**{key: settings.pop(key) for key in ("clamp", "stop_at_end") if key in settings})
        output = tmp_path / "out.jsonl"
        generate_texts(GenerateConfig(**settings, output=str(output), generation=generation), place, runtime)
        return [json.loads(line) for line in output.read_text(encoding="utf-8").splitlines()]
    return run


@EVERY
def test_token_by_token_is_what_the_model_reads_at_once(name):
    model = language_model(name)
    ids = torch.randint(5, model.config.vocab_size, (2, 7))
    stepper, state = model.stepper(), None
    for position in range(ids.shape[1]):
        scores, state = stepper(ids[:, position], state, FREE)
    reading = model.read_stream(ids, None)
    torch.testing.assert_close(scores, model.get_output_embeddings()(reading.dropped[:, -1]), rtol=1e-4, atol=1e-5)
    for ours, theirs in zip(state, reading.state, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-5)


@EVERY
def test_a_sample_depends_on_its_number_and_the_seed_alone(generated, name):
    three = generated(name, n=3, length=24, seed=4)
    assert generated(name, n=2, length=24, seed=4) == three[:2]
    assert generated(name, n=3, length=24, seed=5) != three and len({one["text"] for one in three}) > 1


@EVERY
def test_temperature_zero_takes_the_highest_score(generated, name):
    settings = {"n": 2, "length": 12, "temperature": 0.0}
    first, second = generated(name, **settings, seed=1)
    assert first["text"] == second["text"] == generated(name, **settings, seed=2)[0]["text"]
    assert generated(name, n=1, length=12, top_k=1)[0]["text"] == first["text"]


@pytest.mark.parametrize("stop_at_end", [True, False])
def test_text_of_bytes_is_valid_and_as_long_as_it_says(generated, stop_at_end):
    rows = generated("byte_lstm", n=60, length=31, stop_at_end=stop_at_end)
    assert any(not row["text"].isascii() for row in rows)
    for row in rows:
        assert "\ufffd" not in row["text"] and len(row["text"].encode()) == row["tokens"]
        assert (row["tokens"] == 31) == (row["finish_reason"] == "length") or not stop_at_end
        assert ("\n" not in row["text"]) if stop_at_end else row["tokens"] == 31
    assert {row["finish_reason"] for row in rows} == ({"stop", "length"} if stop_at_end else {"length"})


def test_the_prime_is_read_and_stays_as_it_was_given(generated, capsys):
    prime = "🏨 宿\nは "
    rows = generated("multiplicative_lstm", n=4, length=9, prime=prime, stop_at_end=False)
    assert all(row["text"].startswith(prime) and len(row["text"].encode()) == 9 + len(prime.encode()) for row in rows)
    assert rows != generated("multiplicative_lstm", n=4, length=9, prime="🏨 宿\nは", stop_at_end=False)
    assert capsys.readouterr().err == ""


def test_by_hand_the_model_reads_the_frame_and_then_the_prime(generated):
    model = language_model("byte_lstm")
    for prime in ("", "a", "b ", "雨", "良い宿"):
        scores = model(torch.tensor([[10, 32, *prime.encode()]])).logits[0, -1].clone()
        scores[128:] = scores[10] = -torch.inf  # one byte is left: neither a longer character nor the end
        expected = prime.encode() + bytes([int(scores.argmax())])
        assert generated("byte_lstm", prime=prime, length=1, temperature=0.0)[0]["text"].encode() == expected


def test_bytes_that_are_not_utf8_are_replaced_and_said(generated, capsys):
    [row] = generated("byte_lstm", prime=b"a\xff\xe3\x81".decode(errors="surrogateescape"), length=4)
    assert row["text"].startswith("a\ufffd\ufffd\ufffd") and "3 bytes that are not UTF-8" in capsys.readouterr().err


def test_what_the_tokenizer_does_not_know_is_said(generated, capsys):
    [row] = generated("awd_lstm", prime="雨🏨", length=4)
    assert row["text"].startswith("雨🏨") and "1 of 2 tokens are unknown" in capsys.readouterr().err
    generated("awd_lstm", prime="雨！", length=4)
    assert "the model reads '雨!'" in capsys.readouterr().err


def test_a_backward_model_writes_what_comes_before(generated):
    assert all(row["text"].endswith("降る") for row in generated("backward", n=3, length=5, prime="降る"))


@pytest.mark.parametrize("name", ["awd_lstm", "qrnn", "byte_lstm", "multiplicative_lstm"])
@pytest.mark.parametrize("of_cell", [True, False])
def test_a_fixed_unit_has_its_value_after_every_step(name, of_cell):
    stepper, state = language_model(name).stepper(), None
    hidden = {}
    decoder = stepper.decoder
    decoder.register_forward_pre_hook(lambda _, inputs: hidden.update(last=inputs[0]))
    for index in (7, 9, 7):
        _, state = stepper(torch.tensor([index]), state, Clamp(3, 0.75, of_cell))
        if of_cell:
            assert any(part.shape[-1] > 3 and part[0, 3] == 0.75 for part in state)
        else:
            assert hidden["last"][0, 3] == 0.75


@pytest.mark.parametrize("of", ClampOf)
def test_a_fixed_unit_changes_the_text(generated, of):
    texts = {generated("multiplicative_lstm", length=30, clamp=ClampConfig(2, value, of))[0]["text"]
             for value in (-6.0, 6.0)}
    assert len(texts) == 2


def test_units_that_are_not_there(generated):
    with pytest.raises(ConfigError, match="unit: 12 is out of range; the top layer has 12 units, 0 to 11"):
        generated("byte_lstm", clamp=ClampConfig(12))
    with pytest.raises(ConfigError, match="GPT2LMHeadModel has no recurrent state"):
        generated("gpt2", length=4, clamp=ClampConfig(1))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["gpt2", "llama", "qwen2", "gpt-neox", "mamba"])
def test_causal_models_of_transformers_write_what_they_generate_themselves(folder, tmp_path, runtime, name):
    import transformers

    place = folder(name)
    model = transformers.AutoModelForCausalLM.from_pretrained(place)
    tokenizer = transformers.AutoTokenizer.from_pretrained(place)
    inputs = tokenizer("雨が", return_tensors="pt", return_token_type_ids=False)
    theirs = model.generate(**inputs, max_new_tokens=8, do_sample=False, suppress_tokens=tokenizer.all_special_ids)
    output = tmp_path / "out.jsonl"
    generate_texts(GenerateConfig(prime="雨が", length=8, temperature=0.0, output=str(output),
                                  generation=GenerationConfig(stop_at_end=False)), place, runtime)
    ours = json.loads(output.read_text(encoding="utf-8"))
    expected = tokenizer.decode(theirs[0], skip_special_tokens=True)
    if "\ufffd" not in expected:  # ours is always whole characters
        assert ours["text"].split() == expected.split()
    assert ours["tokens"] == 8


def test_text_and_prime_must_fit(generated):
    limit = FAMILIES["gpt2"].limit
    with pytest.raises(ConfigError, match=f"it has {limit} positions, and the prime takes 1; give at most {limit - 1}"):
        generated("gpt2", length=limit)
    [row] = generated("gpt2", length=limit - 1, stop_at_end=False)
    assert row["tokens"] == limit - 1 and "\ufffd" not in row["text"]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["bert", "t5", "bart", "xlnet", "electra"])
def test_other_models_are_refused_by_name(folder, name):
    with pytest.raises(DataError, match="not a causal language model"):
        load_causal_model(folder(name))


def test_an_encoder_without_its_decoder_is_refused(tmp_path):
    language_model("awd_lstm").encoder.save_pretrained(tmp_path)
    with pytest.raises(DataError, match="AwdLstmModel, which is not a causal language model"):
        load_causal_model(tmp_path)


def test_draws_follow_the_softmax():
    scores = np.array([1.0, 3.0, -np.inf, 2.0])
    grid = (np.arange(20_000) + 0.5) / 20_000
    for temperature, top_k, known in ((1.0, 0, [0, 1, 3]), (0.5, 2, [1, 3]), (2.0, 3, [0, 1, 3])):
        weights = np.zeros(4)
        weights[known] = np.exp(scores[known] / temperature)
        counts = np.bincount([choose(scores, temperature, top_k, draw) for draw in grid], minlength=4)
        np.testing.assert_allclose(counts / len(grid), weights / weights.sum(), atol=2e-4)
    assert choose(np.array([1.0, 2.0, 2.0]), 0.0, 0, 0.5) == 1
