"""Weights made elsewhere: which language models are trained further, and that nothing of them is made up."""

import json

import pytest
import torch
import transformers as tf
from safetensors.torch import load_file, save_file

from jptransfer.config import HeadConfig
from jptransfer.errors import DataError
from jptransfer.models.pretrained import load_language_model, trainable_objectives
from jptransfer.models.task_models import fresh_head, load_task_model, save_task_model
from jptransfer.tasks.base import load_kind
from tests.models.test_encoder import FAMILIES, SIZE

GPT = {"n_embd": 16, "n_layer": 1, "n_head": 2, "n_positions": 40, "vocab_size": 50}
T5 = {"d_model": 16, "d_kv": 8, "d_ff": 32, "num_layers": 1, "num_heads": 2, "vocab_size": 50}
HEADLESS, CAUSAL = "which has no head of a masked language model", "a causal language model"
REFUSED = {
    "BertModel": (lambda: tf.BertModel(tf.BertConfig(**SIZE)), HEADLESS),
    "XLMRobertaModel": (lambda: tf.XLMRobertaModel(tf.XLMRobertaConfig(**SIZE)), HEADLESS),
    "ElectraForPreTraining": (lambda: tf.ElectraForPreTraining(tf.ElectraConfig(embedding_size=16, **SIZE)), HEADLESS),
    "ElectraModel": (lambda: tf.ElectraModel(tf.ElectraConfig(embedding_size=16, **SIZE)), HEADLESS),
    "BertForSequenceClassification": (lambda: tf.BertForSequenceClassification(tf.BertConfig(**SIZE)), HEADLESS),
    "GPT2LMHeadModel": (lambda: tf.GPT2LMHeadModel(tf.GPT2Config(**GPT)), CAUSAL),
    "Qwen2ForCausalLM": (lambda: tf.Qwen2ForCausalLM(tf.Qwen2Config(num_key_value_heads=2, **SIZE)), CAUSAL),
    "LlamaForCausalLM": (lambda: tf.LlamaForCausalLM(tf.LlamaConfig(**SIZE)), CAUSAL),
    "BertLMHeadModel": (lambda: tf.BertLMHeadModel(tf.BertConfig(is_decoder=True, **SIZE)), CAUSAL),
    "T5ForConditionalGeneration": (lambda: tf.T5ForConditionalGeneration(tf.T5Config(**T5)), "an encoder-decoder"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_trained_further_is_refused_by_name(tmp_path, name):
    make, message = REFUSED[name]
    make().save_pretrained(tmp_path)
    for look in (trainable_objectives, load_language_model):
        with pytest.raises(DataError, match=message) as caught:
            look(tmp_path)
        assert name in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize("family", FAMILIES)
def test_no_weight_of_a_language_model_is_random(tmp_path, family):
    """Whatever torch's random state, the weights are those of the folder; without their head they are refused."""
    FAMILIES[family]().save_pretrained(tmp_path)
    found = []
    for seed in (1, 2):
        torch.manual_seed(seed)
        found.append(load_language_model(tmp_path).state_dict())
    assert all(torch.equal(found[0][name], found[1][name]) for name in found[0])
    model = load_language_model(tmp_path)
    weights = load_file(tmp_path / "model.safetensors")
    kept = {name: value for name, value in weights.items() if name.startswith(f"{model.base_model_prefix}.")}
    assert 0 < len(kept) < len(weights)
    save_file(kept, tmp_path / "model.safetensors", {"format": "pt"})
    with pytest.raises(DataError, match=f"of the weights of {type(model).__name__} are missing"):
        load_language_model(tmp_path)


def test_a_config_without_architectures_goes_by_its_family(tmp_path):
    for family, made in (("bert", FAMILIES["bert"]()), ("gpt2", tf.GPT2LMHeadModel(tf.GPT2Config(**GPT)))):
        made.save_pretrained(tmp_path / family)
        path = tmp_path / family / "config.json"
        settings = json.loads(path.read_text())
        del settings["architectures"]
        path.write_text(json.dumps(settings))
    assert trainable_objectives(tmp_path / "bert") == ("mlm",)
    with pytest.raises(DataError, match="a causal language model"):
        trainable_objectives(tmp_path / "gpt2")


@pytest.mark.parametrize(("kind", "named"), [("Roberta", False), ("Bert", False), ("Bert", True)])
def test_a_decoder_is_causal_whatever_its_class(tmp_path, kind, named):
    config = getattr(tf, f"{kind}Config")(is_decoder=True, **SIZE)
    getattr(tf, f"{kind}ForMaskedLM")(config).save_pretrained(tmp_path)
    path = tmp_path / "config.json"
    settings = json.loads(path.read_text())
    if not named:
        del settings["architectures"]
    path.write_text(json.dumps(settings))
    with pytest.raises(DataError, match="a causal language model"):
        trainable_objectives(tmp_path)


def test_more_layers_of_weights_than_the_configuration_says_are_refused(tmp_path):
    FAMILIES["bert"]().save_pretrained(tmp_path)
    path = tmp_path / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"num_hidden_layers": 1}))
    with pytest.raises(DataError, match=r"fewer layers than there are weights of, such as bert\.encoder\.layer\.1"):
        load_language_model(tmp_path)


@pytest.mark.parametrize("kind", ["classification", "ner"])
def test_a_task_model_without_its_head_is_refused(tmp_path, kind):
    """A start has a fresh, seeded head; a trained model that has lost its own is damaged."""
    FAMILIES["bert"]().save_pretrained(tmp_path / "lm")
    save_task_model(fresh_head(tmp_path / "lm", load_kind(kind).output, ["a", "b"], HeadConfig(), 0), tmp_path / "out")
    weights = load_file(tmp_path / "out/model.safetensors")
    for lost in ("classifier", *(["pooler"] if kind == "classification" else [])):
        kept = {name: value for name, value in weights.items() if lost not in name}
        save_file(kept, tmp_path / "out/model.safetensors", {"format": "pt"})
        with pytest.raises(DataError, match=f"2 of .* missing, .*{lost}"):
            load_task_model(tmp_path / "out", load_kind(kind).output, HeadConfig())
