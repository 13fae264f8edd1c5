"""The word-vector baselines as `model=NAME` chooses them, through the stage."""

import json

import pytest
from hydra import compose, initialize_config_dir

from jptransfer.artifacts import Store
from jptransfer.commands import VERBS
from jptransfer.commands.compose import register, typed
from jptransfer.config import Device, RuntimeConfig, TokenizerConfig
from jptransfer.errors import ConfigError
from jptransfer.learners.prediction import load_predictor
from jptransfer.models.heads.pooled_settings import Pooling
from jptransfer.pipeline.graph import StageGraph
from jptransfer.resources import resource
from jptransfer.runtime import Runtime
from jptransfer.stages.finetune import plan_task_model, run
from jptransfer.text.tokenizers import load_tokenizer, train_tokenizer
from tests.small import entities, polarity, polarity_examples, tokenizer

pytestmark = pytest.mark.slow

WITH_VECTORS = ["kim_cnn_static", "kim_cnn_non_static", "kim_cnn_multichannel"]
DRAWN = ["glyphnet", "super_characters_toy"]
"""Models that look at pictures of characters."""
NETS = ["onehotnet", "embednet_char", *DRAWN]
SMALL_NET = ["width=12", "hidden=12", "pools=[2,2]", "length=32"]
SMALL_PICTURES = ["glyph.filters=[4,8]", "glyph.hidden=16", "glyph.width=12", "super_characters.size=5"]
MODELS = ["rnn", "lstm", "kim_cnn_rand", *WITH_VECTORS, "self_attention", "rcnn", *NETS]
HARD = ["", "部", "𠮷" * 9, "部屋", " ", "部屋がよい。" * 3000]
"""Empty, one unit, unknown ones alone, shorter than any filter, white space, very long."""


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    root = tmp_path_factory.mktemp("baselines")
    units = load_tokenizer(tokenizer(root / "tokenizer"))
    rows = [f"{units.token(i)} {i / 100} {-i / 100} 0.5 0.1" for i in range(5, units.vocab_size, 2)]
    (root / "v.vec").write_text("\n".join(rows), encoding="utf-8")
    characters = train_tokenizer(TokenizerConfig(kind="character"), [one.text for one in polarity_examples()])
    characters.save(root / "characters")
    return {"dataset": polarity(root / "polarity"), "entities": entities(root / "entities"),
            "tokenizer": root / "tokenizer", "characters": root / "characters", "vectors": root / "v.vec", "root": root}


def configured(folders, model, *overrides):
    """The configuration as the command line gives it, at a width of 4."""
    register(VERBS["finetune"])
    sections = ("embedding", "rnn", "lstm")
    vectors = [f"model.embedding.vectors={folders['vectors']}"] if model in WITH_VECTORS else []
    with initialize_config_dir(version_base="1.3", config_dir=str(resource("configs"))):
        raw = compose("finetune", [
            f"model={model}", *[f"model.{name}.width=4" for name in sections], "model.rnn.hidden=8",
            "model.lstm.hidden=8", "corpus=toy", "task=toy_sentiment", f"outputs_root={folders['root']}",
            "finetuning.encoder.epochs=6", "finetuning.encoder.batch_size=4", *vectors,
            *[f"finetuning.encoder.head.temporal_cnn.{size}" for size in SMALL_NET if model in NETS],
            *[f"model.{size}" for size in SMALL_PICTURES], *overrides])
    return typed(raw)


def node_of(config):
    return plan_task_model(StageGraph(config, Store(config.outputs_root)))


@pytest.mark.parametrize("model", MODELS)
def test_every_baseline_learns_is_saved_and_predicts_hard_texts(folders, tmp_path, model):
    rate, epochs = (0.005, 30) if model in NETS else (0.02, 6)
    # Half of 12 hidden values is too few where the last layer starts as large as Zhang & LeCun's.
    dropout = ["finetuning.encoder.head.dropout=0.1"] if model in NETS else []
    node = node_of(configured(folders, model, f"finetuning.encoder.learning_rate={rate}",
                              f"finetuning.encoder.epochs={epochs}",
                              "finetuning.encoder.max_length=32", *dropout))
    assert ("model.embedding.vectors" in node.externals) is (model in WITH_VECTORS)
    runtime = Runtime(RuntimeConfig(device=Device.cpu, threads=1))
    inputs = folders | ({"tokenizer": folders["characters"]} if model in DRAWN else {})
    summary = run(node.config, inputs, tmp_path, runtime)
    assert summary.values["validation"]["accuracy"] >= 0.7
    if model in DRAWN:
        assert summary.values["glyphs"]["units"] > 30 and summary.values["glyphs"]["missing"] == 0
    if model in WITH_VECTORS:
        assert summary.values["vectors"]["coverage"] == pytest.approx(0.5, abs=0.02)
    predictor = load_predictor(tmp_path, runtime)
    examples = [predictor.task.example(str(number), text) for number, text in enumerate(HARD)]
    together = predictor.predict(examples)
    for example, prediction in zip(examples, together, strict=True):
        (single,) = predictor.predict([example])
        assert single.probabilities == pytest.approx(prediction.probabilities, abs=1e-5)
    head = json.loads((tmp_path / "task_model.json").read_text())["head"]
    own = {"rnn": "pooled", "lstm": "pooled"} | dict.fromkeys(NETS, "temporal_cnn") | {DRAWN[1]: "pooled"}
    assert head["name"] == own.get(model, model if "kim" not in model else "kim_cnn")


def test_texts_longer_than_the_head_takes_are_refused_before_anything_is_built(folders):
    with pytest.raises(ConfigError, match="max_length=33, but the model has 32 positions"):
        node_of(configured(folders, "embednet_char", "finetuning.encoder.max_length=33"))


@pytest.mark.parametrize("model", ["rnn", "lstm"])
def test_recurrent_nets_tag(folders, tmp_path, model):
    node = node_of(configured(folders, model, "task=toy_ner", "finetuning.encoder.epochs=60",
                              "finetuning.encoder.learning_rate=0.02", f"model.{model}.bidirectional=true"))
    runtime = Runtime(RuntimeConfig(device=Device.cpu, threads=1))
    summary = run(node.config, folders | {"dataset": folders["entities"]}, tmp_path, runtime)
    assert summary.values["validation"]["entity_f1"] > 0.5


def test_identities_know_the_vectors_content_and_the_heads_settings(folders, tmp_path):
    config = configured(folders, "kim_cnn_static")
    same = node_of(config).fingerprint
    moved = tmp_path / "elsewhere.vec"
    moved.write_bytes(folders["vectors"].read_bytes())
    config.model.embedding.vectors = str(moved)
    assert node_of(config).fingerprint == same
    moved.write_text("部屋 1 2 3 4\n", encoding="utf-8")
    assert node_of(config).fingerprint != same
    config.model.embedding.vectors = "nowhere.vec"
    with pytest.raises(ConfigError, match=r"^model\.embedding\.vectors: no such file"):
        _ = node_of(config).fingerprint


def test_settings_of_the_default_head_count_and_those_of_other_architectures_do_not(folders):
    config = configured(folders, "lstm")
    last = node_of(config).fingerprint
    config.model.rnn.hidden = 3
    assert node_of(config).fingerprint == last
    config.finetuning.encoder.head.pooled.pooling = Pooling.max
    assert node_of(config).fingerprint != last
