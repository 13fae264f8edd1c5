import json

import pytest
import torch
from transformers import (
    AutoModelForMaskedLM,
    AutoModelForSequenceClassification,
    AutoModelForTokenClassification,
    AutoTokenizer,
    BertForMaskedLM,
)

from jptransfer.artifacts.manifest import Manifest
from jptransfer.config import HeadConfig
from jptransfer.errors import ArtifactError, ConfigError
from jptransfer.inference.export import export
from jptransfer.models.encoders.bert import configuration
from jptransfer.models.pretrained import save_language_model
from jptransfer.models.task_models import fresh_head, save_task_model
from jptransfer.tasks.base import load_kind, make_task
from jptransfer.text.tokenizers import load_tokenizer
from tests.small import MODEL, tokenizer

pytestmark = pytest.mark.slow

TEXT = "朝食がとても良かったです。"


@pytest.fixture(scope="session")
def units(tmp_path_factory):
    return load_tokenizer(tokenizer(tmp_path_factory.mktemp("export") / "tokenizer"))


def task_model(folder, units, kind, head="", learner="encoder"):
    task = make_task(kind, ["bad", "good"])
    encoder = configuration(MODEL, units.vocab_size, units.pad_id)
    model = fresh_head(encoder, load_kind(kind).output, task.outputs, HeadConfig(head), seed=3)
    save_task_model(model, folder)
    units.save(folder)
    settings = {"learner": learner, "kind": kind, "labels": task.labels, "max_length": 32, "head": {"name": head}}
    (folder / "task_model.json").write_text(json.dumps(settings))
    for ours in ("history.jsonl", "predictions.parquet"):
        (folder / ours).write_text("{}\n")
    return model.eval()


def same(one, two):
    torch.testing.assert_close(one, two, rtol=0, atol=1e-6)


def logits(model, ids):
    with torch.no_grad():
        return model.eval()(input_ids=ids, attention_mask=torch.ones_like(ids)).logits


@pytest.mark.parametrize(("kind", "plain"), [
    ("classification", AutoModelForSequenceClassification), ("ner", AutoModelForTokenClassification)])
def test_a_task_model_gives_the_same_ids_and_logits_in_plain_transformers(tmp_path, units, kind, plain):
    ours = task_model(tmp_path / "model", units, kind)
    export(tmp_path / "model", tmp_path / "plain")
    ids = AutoTokenizer.from_pretrained(tmp_path / "plain")(TEXT)["input_ids"]
    assert ids == [units.cls_id, *units.encode(TEXT).ids, units.sep_id]
    theirs = plain.from_pretrained(tmp_path / "plain")
    same(logits(theirs, torch.tensor([ids])), logits(ours, torch.tensor([ids])))
    assert {path.name for path in (tmp_path / "plain").iterdir()} == {
        "README.md", "config.json", "jpt_tokenizer.json", "model.safetensors", "tokenizer_config.json", "vocab.txt"}


def test_a_language_model(tmp_path, units):
    torch.manual_seed(0)
    ours = BertForMaskedLM(configuration(MODEL, units.vocab_size, units.pad_id))
    save_language_model(ours, tmp_path / "model")
    units.save(tmp_path / "model")
    export(tmp_path / "model", tmp_path / "plain")
    ids = torch.tensor([AutoTokenizer.from_pretrained(tmp_path / "plain")(TEXT)["input_ids"]])
    same(logits(AutoModelForMaskedLM.from_pretrained(tmp_path / "plain"), ids), logits(ours, ids))
    assert "pipeline_tag: fill-mask" in (tmp_path / "plain" / "README.md").read_text(encoding="utf-8")


def test_a_tokenizer(tmp_path, units):
    units.save(tmp_path / "units")
    export(tmp_path / "units", tmp_path / "plain")
    assert AutoTokenizer.from_pretrained(tmp_path / "plain").tokenize(TEXT) == [
        units.token(index) for index in units.encode(TEXT).ids]


def test_the_card_tells_the_lineage(tmp_path, units):
    task_model(tmp_path / "model", units, "ner")
    Manifest("task_model", "finetuned", "ab" * 32, {"stage": "finetune", "version": 1, "config": {"seed": 7}},
             inputs={"dataset": {"kind": "dataset", "name": "hotel", "fingerprint": "cd" * 32}},
             summary={"headline": "accuracy 0.9"}).write(tmp_path / "model")
    export(tmp_path / "model", tmp_path / "plain")
    card = (tmp_path / "plain" / "README.md").read_text(encoding="utf-8")
    for said in ("ab" * 32, "cd" * 32, "hotel", "accuracy 0.9", '"seed": 7', "pipeline_tag: token-classification"):
        assert said in card


@pytest.mark.parametrize(("settings", "said"), [
    ({"learner": "tfidf"}, "learner 'tfidf'"), ({"head": "pooled"}, "head 'pooled'")])
def test_what_transformers_cannot_compute_is_refused(tmp_path, units, settings, said):
    task_model(tmp_path / "model", units, "classification", **settings)
    with pytest.raises(ConfigError, match=said):
        export(tmp_path / "model", tmp_path / "plain")
    assert not (tmp_path / "plain").exists()


def test_nothing_is_overwritten_and_nothing_made_of_nothing(tmp_path, units):
    units.save(tmp_path / "units")
    with pytest.raises(ConfigError, match="not an empty folder"):
        export(tmp_path / "units", tmp_path)
    (tmp_path / "empty").mkdir()
    with pytest.raises(ArtifactError, match="no tokenizer, language model or task model"):
        export(tmp_path / "empty", tmp_path / "plain")
