import json

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoModelForSequenceClassification, BertConfig, BertForMaskedLM

from jptransfer.config import HeadConfig
from jptransfer.errors import DataError
from jptransfer.models.heads.pooled_settings import PooledHeadConfig, Pooling
from jptransfer.models.pretrained import load_language_model
from jptransfer.models.task_models import HEAD_FILE, fresh_head, load_task_model, save_task_model, task_output
from jptransfer.tasks.base import load_kind
from jptransfer.tasks.ner import EntityRecognition

IDS = torch.tensor([[2, 7, 9, 3], [2, 5, 3, 0]])
MASK = (IDS > 0).long()


def config() -> BertConfig:
    return BertConfig(vocab_size=20, hidden_size=8, num_hidden_layers=2, num_attention_heads=2, intermediate_size=16,
                      max_position_embeddings=16)


@pytest.fixture
def language_model(tmp_path):
    torch.manual_seed(5)
    BertForMaskedLM(config()).save_pretrained(tmp_path / "lm")
    return tmp_path / "lm"


HEADS = {"plain": HeadConfig(dropout=0.3)} | {
    pooling.value: HeadConfig("pooled", 0.3, pooled=PooledHeadConfig(pooling)) for pooling in Pooling}


HEADS["concat_pooling"] = HeadConfig("concat_pooling", 0.3)
COMBINATIONS = [*[("classification", head) for head in HEADS], ("ner", "plain"), ("ner", "token")]
HEADS["token"] = HeadConfig("token", 0.3)


def make(source, head="plain", kind="classification", seed=0):
    return fresh_head(source, load_kind(kind).output, ["a", "b", "c"], HEADS[head], seed).eval()


def logits(model):
    with torch.no_grad():
        return model(input_ids=IDS, attention_mask=MASK).logits


@pytest.mark.parametrize(("kind", "head"), COMBINATIONS)
def test_saved_and_loaded_gives_the_same_logits(language_model, tmp_path, head, kind):
    model = make(language_model, head, kind)
    save_task_model(model, tmp_path / "out")
    again = load_task_model(tmp_path / "out", load_kind(kind).output, HEADS[head]).eval()
    assert torch.equal(logits(again), logits(model))


def test_the_encoder_is_the_language_models_and_the_rest_depends_on_the_seed_alone(language_model):
    original = BertForMaskedLM.from_pretrained(language_model).state_dict()
    torch.manual_seed(1)
    first = make(language_model, seed=7)
    torch.manual_seed(2)
    again, other = make(language_model, seed=7), make(language_model, seed=8)
    for name, value in first.state_dict().items():
        assert torch.equal(value, again.state_dict()[name])
        if name in original:
            assert torch.equal(value, original[name])
    for name in ("bert.pooler.dense.weight", "classifier.weight"):
        assert not torch.equal(first.state_dict()[name], other.state_dict()[name])


def test_a_fresh_encoder_depends_on_the_seed_alone_and_leaves_torchs_state():
    state = torch.get_rng_state()
    assert torch.equal(logits(make(config(), seed=3)), logits(make(config(), seed=3)))
    assert not torch.equal(logits(make(config(), seed=3)), logits(make(config(), seed=4)))
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.parametrize("pooling", Pooling)
def test_poolings_by_hand(language_model, pooling):
    model = make(language_model, pooling.value)
    states = model.encoder(input_ids=IDS, attention_mask=MASK).last_hidden_state
    texts = [states[0], states[1, :3]]
    vectors = {"first": [text[0] for text in texts], "last": [text[-1] for text in texts],
               "mean": [text.mean(0) for text in texts], "max": [text.amax(0) for text in texts]}
    vectors["concat"] = [torch.cat(parts) for parts in zip(*(vectors[p] for p in ("last", "max", "mean")), strict=True)]
    expected = torch.stack(vectors[pooling.value]) @ model.head.classifier.weight.T + model.head.classifier.bias
    torch.testing.assert_close(logits(model), expected.detach())


@pytest.mark.parametrize(("kind", "head"), COMBINATIONS)
def test_task_output_is_the_models(language_model, head, kind):
    model, seen = make(language_model, head, kind), []
    model.base_model.encoder.layer[-1].output.register_forward_pre_hook(lambda _, given: seen.append(given[0].shape[1]))
    with torch.no_grad():
        found = task_output(model, {"input_ids": IDS, "attention_mask": MASK}).logits
    assert seen == [1 if kind == "classification" and head in ("plain", "first") else 4]
    torch.testing.assert_close(found, logits(model))


def test_cls_pooling_is_a_plain_classifier_of_transformers(language_model, tmp_path):
    model = make(language_model)
    save_task_model(model, tmp_path / "out")
    plain = AutoModelForSequenceClassification.from_pretrained(tmp_path / "out").eval()
    assert torch.equal(logits(plain), logits(model))
    assert plain.config.id2label == {0: "a", 1: "b", 2: "c"}
    assert plain.dropout.p == 0.3
    assert not (tmp_path / "out" / HEAD_FILE).exists()


def test_every_parameter_learns(language_model):
    for kind, head in COMBINATIONS:
        model = make(language_model, head, kind).train()
        model(input_ids=IDS, attention_mask=MASK).logits.sum().backward()
        assert all(parameter.grad is not None for parameter in model.parameters())


def test_a_lost_head_is_a_clear_error(language_model, tmp_path):
    save_task_model(make(language_model, "token", "ner"), tmp_path / "out")
    (tmp_path / "out" / HEAD_FILE).unlink()
    with pytest.raises(DataError, match=HEAD_FILE):
        load_task_model(tmp_path / "out", EntityRecognition.output, HEADS["token"])


def test_a_folder_without_a_model_is_a_clear_error(tmp_path):
    with pytest.raises(DataError, match="transformers loads no AutoConfig"):
        make(tmp_path)


@pytest.mark.parametrize("load", [make, load_language_model])
def test_an_encoder_that_lacks_weights_is_no_start(language_model, load):
    weights = load_file(language_model / "model.safetensors")
    lost = {name: value for name, value in weights.items() if "layer.1" not in name}
    save_file(lost, language_model / "model.safetensors", {"format": "pt"})
    with pytest.raises(DataError, match=f"{len(weights) - len(lost)} of the encoder's weights are missing.*layer.1"):
        load(language_model)


@pytest.mark.parametrize("load", [make, load_language_model])
def test_weights_of_another_size_are_a_clear_error(language_model, load):
    settings = json.loads((language_model / "config.json").read_text())
    (language_model / "config.json").write_text(json.dumps(settings | {"vocab_size": 7}))
    with pytest.raises(DataError, match="transformers loads no AutoModelFor"):
        load(language_model)
