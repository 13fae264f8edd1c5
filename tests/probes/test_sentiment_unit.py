"""The search for a unit, through the stage `probe`; the classifier of one unit; heat maps of its values."""

import dataclasses
import json

import numpy as np
import pytest

from jptransfer.config import (
    FeaturesConfig,
    FinetuningConfig,
    ModelConfig,
    ProbeConfig,
    RuntimeConfig,
    SubsetConfig,
    TokenizerConfig,
)
from jptransfer.config.plain import to_plain
from jptransfer.errors import ConfigError, DataError
from jptransfer.learners.linear_probe_settings import LinearProbeConfig, Units
from jptransfer.learners.prediction import load_predictor
from jptransfer.models.encoders.byte_lstm_settings import MultiplicativeLstmModelConfig
from jptransfer.probes.sentiment_unit_settings import RankBy, SentimentUnitConfig
from jptransfer.runtime import Runtime
from jptransfer.stages.features import FeaturesStage
from jptransfer.stages.features import run as make_features
from jptransfer.stages.finetune import FinetuneStage, _training_examples
from jptransfer.stages.finetune import run as finetune
from jptransfer.stages.probe import ProbeStage, run
from jptransfer.tasks.base import make_task
from jptransfer.text.simple_settings import ByteTokenizerConfig
from jptransfer.text.tokenizers import train_tokenizer
from tests.small import polarity, polarity_examples, write_dataset

pytestmark = pytest.mark.slow

MODEL = ModelConfig("multiplicative_lstm", multiplicative_lstm=MultiplicativeLstmModelConfig(12, 6))


@pytest.fixture(scope="module")
def runtime():
    return Runtime(RuntimeConfig(threads=1))


@pytest.fixture(scope="module")
def inputs(tmp_path_factory, runtime):
    root = tmp_path_factory.mktemp("unit")
    byte = TokenizerConfig(kind="byte", vocab_size=256, byte=ByteTokenizerConfig(special_tokens=False))
    train_tokenizer(byte, ["あ"]).save(root / "bytes")
    found = {"dataset": polarity(root / "data"), "tokenizer": root / "bytes"}
    (root / "features").mkdir()
    make_features(FeaturesStage(FeaturesConfig(), MODEL, 0), found, root / "features", runtime)
    return found | {"features": root / "features"}


def plant(folder, inputs, unit=7):
    """Features of noise, in which one unit knows the label; negative values mean `good`."""
    folder.mkdir()
    (folder / "features.json").write_bytes((inputs["features"] / "features.json").read_bytes())
    random = np.random.default_rng(0)
    examples = polarity_examples()
    for split, part in (("train", [e for i, e in enumerate(examples) if i % 4]), ("validation", examples[::4])):
        rows = 0.5 * random.standard_normal((len(part), 12)).astype(np.float32)
        rows[:, unit] = [(-1.0 if one.label == "good" else 1.0) + 0.1 * random.standard_normal() for one in part]
        np.save(folder / f"{split}.npy", rows)
        (folder / f"{split}.ids.json").write_bytes((inputs["features"] / f"{split}.ids.json").read_bytes())
    return {**inputs, "features": folder}


@pytest.mark.parametrize("rank_by", RankBy)
def test_a_planted_unit_is_found_with_the_right_sign(inputs, tmp_path, runtime, rank_by):
    planted = plant(tmp_path / "planted", inputs)
    out = tmp_path / "out"
    out.mkdir()
    settings = ProbeConfig("sentiment_unit", sentiment_unit=SentimentUnitConfig(rank_by=rank_by, top=3))
    summary = run(ProbeStage(settings), planted, out, runtime)
    result = json.loads((out / "result.json").read_text(encoding="utf-8"))
    assert result["unit"] == summary.values["unit"] == 7 and result["polarity"] == -1
    assert result["accuracy"] == 1.0 and abs(result["threshold"]) < 0.5
    assert result["all_units"]["accuracy"] == 1.0 and result["contribution"] > 0.5 and result["weight"] < 0
    assert [one["unit"] for one in result["ranking"]][0] == 7 and len(result["ranking"]) == 3
    assert sum(result["histogram"]["bad"]) + sum(result["histogram"]["good"]) == result["texts"]["fit"] == 27
    assert (out / "histogram.png").stat().st_size > 5000 and (out / "histogram.svg").is_file()


def one_unit(inputs, out, runtime):
    out.mkdir()
    config = FinetuningConfig(learner="linear_probe", linear_probe=LinearProbeConfig(units=Units.one))
    return finetune(FinetuneStage(config, 0, MODEL), inputs, out, runtime)


def test_a_model_of_one_unit_decides_by_its_threshold(inputs, tmp_path, runtime):
    planted = plant(tmp_path / "planted", inputs)
    summary = one_unit(planted, tmp_path / "model", runtime)
    assert summary.values["unit"] == 7 and summary.values["nonzero"] == 1
    found = load_predictor(tmp_path / "model", runtime).model.head.classifier
    threshold = -float((found.bias[1] / found.weight[1, 7]).detach())
    assert abs(threshold) < 0.5 and found.weight[1, 7] < 0 and not found.weight[0].any()


def test_labels_are_chosen_and_what_cannot_be_told_apart_is_refused(inputs, tmp_path, runtime):
    three = [dataclasses.replace(one, label="so-so") if number % 5 == 0 else one
             for number, one in enumerate(polarity_examples())]
    task = make_task("classification", ["bad", "good", "so-so"])
    data = write_dataset(tmp_path / "data", task, {"train": [e for i, e in enumerate(three) if i % 4],
                                                   "validation": three[::4]})
    found = {**inputs, "dataset": data}

    def probe(name, **settings):
        (tmp_path / name).mkdir()
        config = ProbeConfig("sentiment_unit", sentiment_unit=SentimentUnitConfig(**settings))
        return run(ProbeStage(config), found, tmp_path / name, runtime).values

    values = probe("a", labels=["good", "bad"])
    assert values["labels"] == ["good", "bad"] and values["left_out"]["fit"] == 6
    with pytest.raises(ConfigError, match="name the negative and the positive label, of: bad, good, so-so"):
        probe("b")
    with pytest.raises(ConfigError, match="unknown label 'god'"):
        probe("c", labels=["god", "bad"])
    with pytest.raises(ConfigError, match="units=one tells two classes apart, and this task has 3; task.label_map"):
        one_unit(found, tmp_path / "d", runtime)
    write_dataset(data, task, {"validation": [one for one in three[::4] if one.label == "good"]})
    with pytest.raises(DataError, match="the split of role select has no text of label bad"):
        probe("e", labels=["good", "bad"])


def test_every_run_has_training_examples_of_its_own(inputs):
    task = make_task("classification", ["bad", "good"])

    def drawn(seed, subset_seed):
        config = FinetuneStage(FinetuningConfig(subset=SubsetConfig(n=6, seed=subset_seed)), seed)
        return [one.id for one in _training_examples(config, task, inputs["dataset"])]

    assert drawn(1, 0) == drawn(2, 0) and drawn(1, None) == drawn(9, 1) and drawn(1, None) != drawn(2, None)


def test_settings_are_kept_with_the_features(inputs):
    stored = json.loads((inputs["features"] / "features.json").read_text())["features"]
    assert stored == {**to_plain(FeaturesConfig()), "pooling": "last", "states": "tanh_cell"}
