"""Every family of encoders of transformers is fine-tuned, evaluated and used, at and above the longest input."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoModelForSequenceClassification, AutoTokenizer, XLMRobertaTokenizer

from jptransfer.config import Device, EvaluationConfig, FinetuningConfig, RuntimeConfig
from jptransfer.errors import ConfigError, DataError
from jptransfer.learners.encoder_settings import EncoderFinetuningConfig
from jptransfer.learners.prediction import load_predictor
from jptransfer.runtime import Runtime
from jptransfer.stages import evaluate, finetune
from jptransfer.stages.evaluate import EvaluateStage
from jptransfer.stages.finetune import FinetuneStage
from jptransfer.text.inputs import build_inputs
from jptransfer.text.tokenizers import load_tokenizer
from tests.families import FAMILIES
from tests.small import entities, entity_examples, polarity

pytestmark = pytest.mark.slow

RUNTIME = Runtime(RuntimeConfig(device=Device.cpu, threads=1))
DATA = {"classification": polarity, "ner": entities}
TEXTS = ["部屋", "", "駅からの道がとても良かったです。", "山本健さんは去年、札幌へ引っ越した。" * 8, "x", "東京 大阪"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Return family -> folder of its model."""
    return cache(lambda name: FAMILIES[name].save(tmp_path_factory.mktemp("family")))


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return cache(lambda kind: DATA[kind](tmp_path_factory.mktemp(kind)))


def fit(lm, dataset, out, **settings):
    """Fine-tune for one epoch with at most 32 tokens."""
    config = FinetuningConfig(encoder=EncoderFinetuningConfig(
        **{"epochs": 1, "batch_size": 5, "max_length": 32, "learning_rate": 1e-3, **settings}))
    inputs = {"dataset": dataset, "tokenizer": lm, "language_model": lm}
    out.mkdir(exist_ok=True)
    return finetune.run(FinetuneStage(replace(config, learner="encoder"), 0), inputs, out, RUNTIME)


@pytest.fixture(scope="module")
def trained(folder, data, tmp_path_factory):
    """Return (family, kind) -> folder of a task model."""

    @cache
    def make(name, kind):
        out = tmp_path_factory.mktemp("task")
        limit = min(32, FAMILIES[name].limit or 32)
        fit(folder(name), data(kind), out, max_length=limit)
        return out

    return make


def values(predictions):
    return [getattr(one, "probabilities", None) or one.scores for one in predictions]


@pytest.mark.parametrize("kind", DATA)
@pytest.mark.parametrize("name", FAMILIES)
def test_fine_tuned_evaluated_and_used(trained, data, tmp_path, name, kind):
    """What a model says of a text does not depend on the texts beside it, however long they are."""
    model = trained(name, kind)
    evaluated = evaluate.run(EvaluateStage(EvaluationConfig(splits=["validation"])),
                             {"task_model": model, "dataset": data(kind)}, tmp_path, RUNTIME)
    assert "validation" in evaluated.headline
    predictor = load_predictor(model, RUNTIME)
    examples = [predictor.task.example(str(number), text) for number, text in enumerate(TEXTS)]
    together = predictor.predict(examples)
    alone = [predictor.predict([example])[0] for example in examples]
    for one, other in zip(together, alone, strict=True):
        assert one.predicted == other.predicted
    for one, other in zip(values(together), values(alone), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)


@pytest.mark.parametrize("name", FAMILIES)
def test_inputs_are_transformers_own(folder, name):
    """Only the tokenizer adds special tokens; an input is cut to the same length as transformers cuts it."""
    tokenizer = load_tokenizer(folder(name))
    # transformers' MLukeTokenizer gives unknown text the id of <s>, see tests/text/test_conversion.py.
    peer = (XLMRobertaTokenizer if name == "mluke" else AutoTokenizer).from_pretrained(folder(name))
    for text in TEXTS:
        ids = build_inputs(tokenizer, text).ids
        assert ids == (peer(text)["input_ids"] or [tokenizer.sep_id]), text


@pytest.mark.parametrize("name", [name for name, family in FAMILIES.items() if family.limit])
def test_the_longest_input_is_read_and_a_longer_one_refused(folder, data, tmp_path, name):
    limit = FAMILIES[name].limit
    fit(folder(name), data("ner"), tmp_path / "at", max_length=limit)
    predictor = load_predictor(tmp_path / "at", RUNTIME)
    long = "".join(example.text for example in entity_examples())
    (found,) = predictor.predict([predictor.task.example("", long)])
    assert found.tokens[-1][1] == len(long)
    with pytest.raises(ConfigError, match=f"max_length={limit + 1}, but the model has {limit} positions"):
        fit(folder(name), data("ner"), tmp_path / "above", max_length=limit + 1)


@pytest.mark.parametrize("name", [name for name in FAMILIES if name not in ("mamba", "mluke")])
def test_logits_are_those_of_transformers_for_a_text_alone(trained, name):
    """The saved folder, loaded by transformers and given one text at a time, says the same."""
    model = trained(name, "classification")
    peer = AutoModelForSequenceClassification.from_pretrained(model).eval()
    cut = AutoTokenizer.from_pretrained(model)
    predictor = load_predictor(model, RUNTIME)
    texts = [text for text in TEXTS if len(text) > 1]
    found = predictor.predict([predictor.task.example("", text) for text in texts])
    for text, one in zip(texts, found, strict=True):
        inputs = cut(text, truncation=True, max_length=predictor.limits.max_length, return_tensors="pt")
        with torch.no_grad():
            logits = peer(**inputs).logits[0]
        np.testing.assert_allclose(one.probabilities, logits.softmax(-1), atol=1e-5)


@pytest.mark.parametrize(("name", "kind", "head"), [
    ("mamba", "classification", "pooled, last"), ("mamba", "ner", "token"), ("bart", "ner", "token")])
def test_a_family_without_a_class_gets_a_head_of_ours_and_says_so(folder, data, tmp_path, name, kind, head):
    made = fit(folder(name), data(kind), tmp_path)
    assert f"head {head} (transformers has none for this model)" in made.headline
    assert made.values["head"] == head
    assert json.loads((tmp_path / "task_model.json").read_text())["head"]["name"] == head.partition(",")[0]


def test_weights_as_a_pickle_alone_say_how_to_convert_them(folder, data, tmp_path):
    lm = tmp_path / "lm"
    shutil.copytree(folder("roberta"), lm)
    torch.save(load_file(lm / "model.safetensors"), lm / "pytorch_model.bin")
    (lm / "model.safetensors").unlink()
    with pytest.raises(DataError, match="weights only as pytorch_model.bin") as caught:
        fit(lm, data("ner"), tmp_path / "task")
    said = str(caught.value)
    assert "\n" not in said
    command = said.partition("python -c ")[2]
    subprocess.run([sys.executable, "-c", command.strip('"')], check=True, capture_output=True)
    fit(lm, data("ner"), tmp_path / "task")


@pytest.mark.parametrize(("name", "role", "index"), [
    ("roberta", "pad", 3), ("bert", "pad", 2), ("xlm-roberta", "bos", 3), ("camembert", "eos", 2), ("t5", "eos", 2)])
def test_special_ids_that_are_not_the_models_are_refused(folder, data, tmp_path, name, role, index):
    shutil.copytree(folder(name), tmp_path / "lm")
    path = tmp_path / "lm" / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {f"{role}_token_id": index}))
    with pytest.raises(ConfigError, match=f"{role} token .* has id .*{role}_token_id={index}"):
        fit(tmp_path / "lm", data("classification"), tmp_path / "task")
