"""Frozen features and linear probes on them, through the stages `features` and `finetune`."""

import dataclasses
import json

import numpy as np
import pytest
import torch
from sklearn.linear_model import Ridge
from transformers import AutoModelForCausalLM, BertForMaskedLM

from jptransfer.config import ClassWeights, FinetuningConfig, ModelConfig, RuntimeConfig, TokenizerConfig
from jptransfer.config.features import FeaturesConfig, Pairs, Pooling, States
from jptransfer.errors import ConfigError, DataError
from jptransfer.learners import features as features_module
from jptransfer.learners.features import FeatureEncoder, StoredFeatures
from jptransfer.learners.l1_path import l1_path
from jptransfer.learners.linear_probe_settings import LinearProbeConfig, Penalty
from jptransfer.learners.prediction import load_predictor
from jptransfer.models.encoders.awd_lstm_settings import AwdLstmModelConfig
from jptransfer.models.encoders.bert import configuration
from jptransfer.models.encoders.byte_lstm_settings import ByteLstmModelConfig, MultiplicativeLstmModelConfig
from jptransfer.models.encoders.embedding_settings import EmbeddingModelConfig
from jptransfer.models.layers.byte_cells import step
from jptransfer.models.pretrained import fresh_configuration
from jptransfer.runtime import Runtime
from jptransfer.stages.features import FeaturesStage
from jptransfer.stages.features import run as make_features
from jptransfer.stages.finetune import FinetuneStage
from jptransfer.stages.finetune import run as finetune
from jptransfer.tasks.base import make_task
from jptransfer.tasks.regression import ValueExample
from jptransfer.text.simple_settings import ByteTokenizerConfig
from jptransfer.text.tokenizers import load_tokenizer, train_tokenizer
from tests.small import MODEL, pair_examples, pairs, polarity, polarity_examples, tokenizer, write_dataset

pytestmark = pytest.mark.slow

LONG = "とても良いホテルでした。" * 40
BYTES = ModelConfig("multiplicative_lstm", multiplicative_lstm=MultiplicativeLstmModelConfig(12, 6))
ENCODERS = {
    "bert": MODEL, "multiplicative_lstm": BYTES,
    "byte_lstm": ModelConfig("byte_lstm", byte_lstm=ByteLstmModelConfig(12, 6)),
    "awd_lstm": ModelConfig("awd_lstm", awd_lstm=AwdLstmModelConfig(layers=2, embedding=6, hidden=8)),
    "embedding": ModelConfig("embedding", embedding=EmbeddingModelConfig(width=6)),
}


@pytest.fixture
def runtime():
    return Runtime(RuntimeConfig(threads=1))


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    root = tmp_path_factory.mktemp("features")
    byte = TokenizerConfig(kind="byte", vocab_size=256, byte=ByteTokenizerConfig(special_tokens=False))
    train_tokenizer(byte, ["あ"]).save(root / "bytes")
    units = load_tokenizer(tokenizer(root / "units"))
    torch.manual_seed(4)
    BertForMaskedLM(configuration(MODEL, units.vocab_size, units.pad_id)).save_pretrained(root / "bert")
    model = AutoModelForCausalLM.from_config(fresh_configuration(BYTES, load_tokenizer(root / "bytes")))
    model.save_pretrained(root / "mlstm")
    return {"polarity": polarity(root / "polarity"), "pairs": pairs(root / "pairs"), "units": root / "units",
            "bytes": root / "bytes", "bert": root / "bert", "mlstm": root / "mlstm"}


def units_of(name, folders):
    return folders["bytes" if "byte" in name or "multi" in name else "units"]


TASK = make_task("classification", ["bad", "good"])


@pytest.mark.parametrize("name", ENCODERS)
@pytest.mark.parametrize("pooling", [None, Pooling.concat])
def test_a_text_has_the_same_features_alone_and_among_others(name, pooling, folders, runtime):
    encoder = FeatureEncoder.make(FeaturesConfig(pooling, bptt=16), TASK, units_of(name, folders), None, ENCODERS[name],
                                  0, runtime)
    texts = [LONG, "良い", "", "部屋 (広い) がとても良かったです。", LONG[:20]]
    examples = [TASK.example(str(number), text) for number, text in enumerate(texts)]
    together = encoder.read(examples)
    alone = np.concatenate([encoder.read([one]) for one in examples])
    assert together.shape == (5, encoder.width) and together.dtype == np.float32
    np.testing.assert_allclose(together, alone, atol=1e-6)
    assert len({row.tobytes() for row in together}) == 5


@pytest.mark.parametrize("states", [States.hidden, States.cell, States.tanh_cell, None])
def test_the_feature_of_a_byte_model_is_its_final_state(states, folders, runtime):
    encoder = FeatureEncoder.make(FeaturesConfig(states=states, bptt=5), TASK, folders["bytes"], folders["mlstm"], None,
                                  0, runtime)
    net = AutoModelForCausalLM.from_pretrained(folders["mlstm"]).encoder
    weights, state = net.layers[0].prepare(net.embeddings.weight), net.layers[0].start(1)
    with torch.no_grad():
        for byte in b"\n " + "良い。x".encode() + b" ":
            state = step(torch.tensor([byte]), weights, state)
    wanted = {States.hidden: state[0], States.cell: state[1]}.get(states, state[1].tanh())
    np.testing.assert_allclose(encoder.read([TASK.example("1", "良い。x")]), wanted.detach().numpy(), atol=1e-6)


@pytest.fixture
def stored(folders, tmp_path, runtime):
    return made(folders, tmp_path / "features", runtime)


def made(folders, out, runtime, data="polarity", language_model="mlstm"):
    out.mkdir()
    inputs = {"dataset": folders[data], "tokenizer": folders["bytes" if language_model == "mlstm" else "units"],
              "language_model": folders[language_model]}
    make_features(FeaturesStage(FeaturesConfig(bptt=16)), inputs, out, runtime)
    return inputs | {"features": out}


def test_an_interrupted_run_goes_on_to_the_same_bytes(folders, tmp_path, runtime, monkeypatch):
    monkeypatch.setattr(features_module, "CHUNK", 5)
    whole = made(folders, tmp_path / "whole", runtime)["features"]
    calls, read = [], FeatureEncoder.read

    def interrupted(self, examples):
        calls.append(len(examples))
        if len(calls) == 4:
            raise KeyboardInterrupt
        return read(self, examples)

    out = tmp_path / "part"
    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(FeatureEncoder, "read", interrupted)
        made(folders, out, runtime)
    out.rename(tmp_path / "kept")
    counted = []
    monkeypatch.setattr(FeatureEncoder, "read", lambda self, part: counted.append(len(part)) or read(self, part))
    inputs = {"dataset": folders["polarity"], "tokenizer": folders["bytes"], "language_model": folders["mlstm"]}
    make_features(FeaturesStage(FeaturesConfig(bptt=16)), inputs, tmp_path / "kept", runtime)
    assert sum(counted) == 36 - 3 * 5
    for name in ("train.npy", "validation.npy", "train.ids.json", "features.json"):
        assert (whole / name).read_bytes() == (tmp_path / "kept" / name).read_bytes()
    assert not (whole / "test.npy").exists()


def probe(inputs, out, runtime, **settings):
    out.mkdir()
    config = FinetuningConfig(learner="linear_probe", linear_probe=LinearProbeConfig(**settings))
    return finetune(FinetuneStage(config, 0), inputs, out, runtime)


@pytest.mark.parametrize("settings", [{}, {"penalty": Penalty.l2, "c": [0.1, 1.0, 100.0]}, {"folds": 3}])
def test_a_probe_is_a_task_model_like_others(stored, tmp_path, runtime, settings):
    summary = probe(stored, tmp_path / "model", runtime, **settings)
    values = summary.values
    assert values["c"] in settings.get("c", [2.0 ** power for power in range(-8, 1)])
    assert values["pooling"] == "last" and values["states"] == "tanh_cell" and values["features"] == 12
    history = [json.loads(line) for line in (tmp_path / "model" / "history.jsonl").read_text().splitlines()]
    assert len(history) == len(settings.get("c", range(9)))
    texts = polarity_examples()
    loaded = load_predictor(tmp_path / "model", runtime).predict(texts)
    again = load_predictor(tmp_path / "model", runtime).predict(texts, batch_size=7)
    np.testing.assert_allclose([one.probabilities for one in loaded], [one.probabilities for one in again], atol=1e-6)


def test_a_model_of_all_examples_keeps_the_settings_of_the_folds(stored, tmp_path, runtime):
    settings = {"c": [1.0], "class_weights": ClassWeights.balanced, "penalty": Penalty.l2}
    for name, folds in (("folds", 3), ("plain", 0)):
        probe(stored, tmp_path / name, runtime, folds=folds, **settings)
    one, other = (load_predictor(tmp_path / name, runtime).model.head.classifier.weight for name in ("folds", "plain"))
    assert torch.equal(one, other)


def test_the_chosen_weights_are_those_of_the_path(stored, tmp_path, runtime):
    summary = probe(stored, tmp_path / "model", runtime, c=[4.0])
    kept = StoredFeatures.open(stored["features"])
    examples = [example for number, example in enumerate(polarity_examples()) if number % 4]
    rows, gold = kept.rows("fit", examples), np.array([example.label == "good" for example in examples])
    (found,) = l1_path(rows, gold, [4.0])
    assert summary.values["nonzero"] == np.count_nonzero(found.weight)
    predictor = load_predictor(tmp_path / "model", runtime)
    share = [one.probabilities[1] for one in predictor.predict(examples)]
    np.testing.assert_allclose(share, 1 / (1 + np.exp(-(rows @ found.weight + found.bias))), atol=1e-5)


def test_numbers_are_learnt_by_ridge_regression(folders, tmp_path, runtime):
    task = make_task("regression", [])
    numbers = [ValueExample(one.id, one.text, float(len(one.text))) for one in polarity_examples()]
    data = write_dataset(tmp_path / "data", task, {"train": numbers[9:], "validation": numbers[:9]})
    inputs = made({**folders, "numbers": data}, tmp_path / "features", runtime, "numbers", "bert")
    probe(inputs, tmp_path / "model", runtime, c=[10.0])
    rows = StoredFeatures.open(inputs["features"])
    fitted = Ridge(alpha=0.1).fit(rows.rows("fit", numbers[9:]), [one.value for one in numbers[9:]])
    found = load_predictor(tmp_path / "model", runtime).predict(numbers[:9])
    np.testing.assert_allclose([one.predicted for one in found], fitted.predict(rows.rows("select", numbers[:9])),
                               rtol=1e-4)


def test_few_examples_many_classes_and_pairs(folders, tmp_path, runtime):
    texts = polarity_examples()
    many = [dataclasses.replace(one, label=f"l{number % 12:02d}") for number, one in enumerate(texts)]
    task = make_task("classification", [f"l{number:02d}" for number in range(12)])
    data = write_dataset(tmp_path / "data", task, {"train": many[:24], "validation": many[24:]})
    inputs = made({**folders, "many": data}, tmp_path / "many", runtime, "many")
    assert 0 <= probe(inputs, tmp_path / "a", runtime).values["validation"]["accuracy"] <= 1
    three = write_dataset(tmp_path / "three", task, {"train": many[:3], "validation": many[:3]})
    assert probe(made({**folders, "three": three}, tmp_path / "t", runtime, "three"), tmp_path / "b", runtime)
    with pytest.raises(ConfigError, match=r"linear_probe.folds=4: there are too few training examples"):
        probe(inputs | {"dataset": three}, tmp_path / "c", runtime, folds=4)
    one = write_dataset(tmp_path / "one", task, {"train": [dataclasses.replace(e, label="l00") for e in many[:6]]})
    with pytest.raises(DataError, match="nothing to learn"):
        probe(inputs | {"dataset": one}, tmp_path / "d", runtime)
    paired = made(folders, tmp_path / "pairs", runtime, "pairs", "bert")
    probe(paired, tmp_path / "e", runtime)
    assert json.loads((tmp_path / "e" / "task_model.json").read_text())["text_pair"] is True


@pytest.mark.parametrize("penalty", Penalty)
def test_texts_of_a_pair_are_compared(folders, tmp_path, runtime, penalty):
    inputs = {"dataset": folders["pairs"], "tokenizer": folders["bytes"], "language_model": folders["mlstm"]}
    config = FeaturesConfig(pairs=Pairs.compare)
    (tmp_path / "features").mkdir()
    make_features(FeaturesStage(config), inputs, tmp_path / "features", runtime)
    inputs["features"] = tmp_path / "features"
    rows = StoredFeatures.open(inputs["features"])
    examples = [example for number, example in enumerate(pair_examples()) if number % 4]
    single = FeatureEncoder.make(FeaturesConfig(), TASK, folders["bytes"], folders["mlstm"], None, 0, runtime)
    u, v = (single.read([TASK.example(one.id, text(one)) for one in examples])
            for text in (lambda one: one.text, lambda one: one.text_pair))
    wanted = np.concatenate([np.abs(u - v), u * v], 1)
    np.testing.assert_allclose(rows.rows("fit", examples), wanted, atol=1e-6)
    probe(inputs, tmp_path / "model", runtime, penalty=penalty, c=[1.0, 10.0])
    texts = pair_examples()
    predictor = load_predictor(tmp_path / "model", runtime)
    found = np.array([one.probabilities for one in predictor.predict(texts)])
    scores = np.array([FeatureEncoder.read(predictor.encoder, [one])[0] for one in texts]) @ predictor.weight
    scores = np.exp(scores + predictor.bias)
    np.testing.assert_allclose(found, scores / scores.sum(1, keepdims=True), atol=1e-6)
    with pytest.raises(DataError, match="features.pairs=compare: example 'x' has no second text"):
        predictor.predict([predictor.task.example("x", "一つ")])


def test_settings_that_do_not_fit_are_refused(folders, runtime):
    of_bert = TASK, folders["units"], folders["bert"], None, 0, runtime
    with pytest.raises(ConfigError, match=r"features.states=cell: bert has no cells"):
        FeatureEncoder.make(FeaturesConfig(states=States.cell), *of_bert)
    with pytest.raises(ConfigError, match=r"features.max_length=64, but the model has 48 positions"):
        FeatureEncoder.make(FeaturesConfig(max_length=64), *of_bert)


def test_long_texts_are_cut_to_the_positions_and_counted(folders, tmp_path, runtime):
    encoder = FeatureEncoder.make(FeaturesConfig(), TASK, folders["units"], folders["bert"], None, 0, runtime)
    encoder.read([TASK.example("1", LONG)])
    assert encoder.predictor.cut.texts_cut == 1 and encoder.predictor.cut.limit == 48
