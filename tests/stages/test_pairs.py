"""Pairs of texts from training to prediction, evaluation, report and export, whatever the family or the learner."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import cache

import numpy as np
import pyarrow.parquet
import pytest
import torch
from transformers import AutoModelForSequenceClassification, AutoTokenizer, pipeline

from jptransfer.config import (
    AttentionConfig,
    EvaluationConfig,
    FinetuningConfig,
    HeadConfig,
    PredictConfig,
    TruncationSide,
)
from jptransfer.errors import ConfigError, DataError
from jptransfer.inference.attention import attention_file
from jptransfer.inference.export import export
from jptransfer.inference.predict import predict_file
from jptransfer.learners.encoder_settings import EncoderFinetuningConfig
from jptransfer.learners.fasttext_settings import FasttextConfig
from jptransfer.learners.prediction import load_predictor, read_settings, reads_pairs
from jptransfer.learners.tfidf_settings import TfidfConfig
from jptransfer.models.heads.self_attention_settings import SelfAttentionHeadConfig
from jptransfer.stages import evaluate, finetune
from jptransfer.stages.evaluate import EvaluateStage
from jptransfer.stages.finetune import FinetuneStage
from tests.families import FAMILIES
from tests.small import MODEL, entities, pair_examples, pairs, polarity, tokenizer
from tests.stages.test_families import RUNTIME

pytestmark = pytest.mark.slow

PAIRS = [("部屋がとても良かったです。", "朝食について"), ("お風呂に大満足", "お風呂について"),
         ("駅からの道は最高でした!" * 4, "窓の外の景色について" * 3), ("x", "東京 大阪")]
NAMES = ["bert", "roberta", "xlm-roberta", "electra", "deberta-v2", "modernbert", "t5", "gpt2", "qwen2", "llama",
         "distilbert"]


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return pairs(tmp_path_factory.mktemp("pairs"))


def fit(data, out, learner="encoder", lm=None, units=None, **settings):
    config = FinetuningConfig(learner=learner, encoder=EncoderFinetuningConfig(
        **{"epochs": 1, "batch_size": 9, "max_length": 32, "learning_rate": 1e-3, **settings}),
        tfidf=TfidfConfig(c=[100.0]), fasttext=FasttextConfig(epochs=[2], ngrams=[2], dim=4))
    inputs = {"dataset": data, "tokenizer": units or lm} | ({"language_model": lm} if lm else {})
    out.mkdir(exist_ok=True)
    return finetune.run(FinetuneStage(config, 0), inputs, out, RUNTIME)


@pytest.fixture(scope="module")
def trained(data, tmp_path_factory):
    """Return family -> folder of a model of pairs."""

    @cache
    def make(name):
        lm = FAMILIES[name].save(tmp_path_factory.mktemp("lm"))
        out = tmp_path_factory.mktemp("task")
        fit(data, out, lm=lm)
        return out

    return make


@pytest.mark.parametrize("name", NAMES)
def test_probabilities_are_those_of_transformers_for_a_pair(trained, name):
    """The saved folder, loaded by transformers, says the same of `tokenizer(a, b)`, long pairs are cut alike."""
    model = trained(name)
    peer = AutoModelForSequenceClassification.from_pretrained(model).eval()
    cut = AutoTokenizer.from_pretrained(model)
    predictor = load_predictor(model, RUNTIME)
    found = predictor.predict([predictor.task.example(str(n), a, b) for n, (a, b) in enumerate(PAIRS)])
    for (a, b), one in zip(PAIRS, found, strict=True):
        inputs = cut(a, b, truncation=True, max_length=32, return_tensors="pt")
        if name == "distilbert":  # its tokenizer gives what its model does not take
            del inputs["token_type_ids"]
        with torch.no_grad():
            np.testing.assert_allclose(one.probabilities, peer(**inputs).logits[0].softmax(-1), atol=1e-5)
        assert one.text_pair == b
    alone = [predictor.predict([predictor.task.example("", a, b)])[0] for a, b in PAIRS]
    np.testing.assert_allclose([one.probabilities for one in alone], [one.probabilities for one in found], atol=1e-5)


def test_the_second_text_and_its_type_ids_matter(trained):
    predictor = load_predictor(trained("bert"), RUNTIME)
    same, other, alone = predictor.predict([predictor.task.example(str(n), "部屋に大満足", pair)
                                            for n, pair in enumerate(["部屋について", "朝食について", None])])
    assert len({one.probabilities[0] for one in (same, other, alone)}) == 3
    assert predictor.features([predictor.task.example("", "部屋", "朝食")])[0].segments[-1] == 1


def test_a_pair_is_cut_and_counted_as_a_whole(trained):
    predictor = load_predictor(trained("bert"), RUNTIME)
    first, second = (len(predictor.tokenizer.encode(text)) for text in PAIRS[2])
    predictor.predict([predictor.task.example("", *PAIRS[2])])
    assert predictor.cut.texts_cut == 1
    assert (predictor.cut.tokens, predictor.cut.tokens_cut) == (first + second, first + second - 29)


def test_evaluated_with_both_texts_in_the_files(trained, data, tmp_path):
    evaluate.run(EvaluateStage(EvaluationConfig(splits=["validation"])),
                 {"task_model": trained("bert"), "dataset": data}, tmp_path, RUNTIME)
    rows = pyarrow.parquet.read_table(tmp_path / "predictions.parquet").to_pylist()
    assert [(row["text"], row["text_pair"]) for row in rows] == [(e.text, e.text_pair) for e in pair_examples()[::4]]
    assert read_settings(trained("bert"))["text_pair"] is True


def test_single_texts_and_pairs_are_not_mixed(trained, data, tmp_path):
    single = polarity(tmp_path / "single")
    lm = FAMILIES["bert"].save(tmp_path / "lm")
    fit(single, tmp_path / "model", lm=lm)
    assert not reads_pairs([tmp_path / "model"])
    with pytest.raises(ConfigError, match="some read pairs of texts"):
        reads_pairs([tmp_path / "model", trained("bert")])
    (tmp_path / "task.json").write_text(json.dumps({"kind": "classification", "name": "x"}))
    for file in ("train.parquet", "validation.parquet"):
        (tmp_path / file).write_bytes((single / file).read_bytes())
    (tmp_path / "labels.json").write_text(json.dumps(["other", "same"]))
    with pytest.raises(ConfigError, match="trained on pairs of texts, but .* split 'train' has single texts"):
        evaluate.run(EvaluateStage(EvaluationConfig(splits=["train"])),
                     {"task_model": trained("bert"), "dataset": tmp_path}, tmp_path / "out", RUNTIME)


@pytest.mark.parametrize("learner", ["tfidf", "fasttext"])
def test_learners_without_a_tokenizer_read_both_texts(data, tmp_path, learner):
    fit(data, tmp_path, learner)
    predictor = load_predictor(tmp_path, RUNTIME)
    found = predictor.predict([predictor.task.example(str(n), "部屋に大満足", pair)
                               for n, pair in enumerate(["部屋について", "朝食について"])])
    assert found[0].probabilities != found[1].probabilities and found[1].text_pair == "朝食について"


def predicted(model, tmp_path, name, content, output="out.tsv"):
    (tmp_path / name).write_text(content, encoding="utf-8")
    config = PredictConfig(artifact="", input=str(tmp_path / name), output=str(tmp_path / output))
    count = predict_file(config, [model], RUNTIME)
    return count, (tmp_path / output).read_text(encoding="utf-8").splitlines()


def test_predict_reads_and_writes_both_texts(trained, tmp_path):
    model = trained("bert")
    lines = "".join(f"{a}\t{b}\n" for a, b in PAIRS)
    count, rows = predicted(model, tmp_path, "a.txt", lines)
    assert count == 4 and rows[0].split("\t")[:3] == ["text", "text_pair", "prediction"]
    assert [tuple(row.split("\t")[:2]) for row in rows[1:]] == PAIRS
    assert predicted(model, tmp_path, "b.tsv", f"text\ttext_pair\n{lines}") == (4, rows)
    objects = "".join(json.dumps({"text": a, "text_pair": b, "n": 1}) + "\n" for a, b in PAIRS)
    _, answers = predicted(model, tmp_path, "c.jsonl", objects, "out.jsonl")
    first = json.loads(answers[0])
    assert (first["text"], first["text_pair"], first["n"]) == (*PAIRS[0], 1)
    assert f"{first['probability']:.6f}" == rows[1].split("\t")[3]


@pytest.mark.parametrize(("name", "content", "message"), [
    ("a.txt", "良い\tx\n良い\n", r"a\.txt:2: the model reads pairs of texts.*this line has 0 tabs"),
    ("a.txt", "a\tb\tc\n", "this line has 2 tabs"),
    ("a.jsonl", '{"text": "a"}\n', "no field 'text_pair' holds a string"),
    ("a.jsonl", '"a"\n', "no field 'text_pair' holds a string"),
    ("a.jsonl", '{"text": "a", "text_pair": 3}\n', "no field 'text_pair' holds a string"),
])
def test_input_without_a_second_text_is_refused(trained, tmp_path, name, content, message):
    with pytest.raises(DataError, match=message):
        predicted(trained("bert"), tmp_path, name, content)


def test_a_second_text_for_a_model_of_single_texts_is_refused(tmp_path):
    lm = FAMILIES["bert"].save(tmp_path / "lm")
    fit(polarity(tmp_path / "data"), tmp_path / "model", lm=lm)
    with pytest.raises(DataError, match="trained on single texts, and there is a field 'text_pair'"):
        predicted(tmp_path / "model", tmp_path, "a.jsonl", '{"text": "a", "text_pair": "b"}\n')
    assert predicted(tmp_path / "model", tmp_path, "a.txt", "a\tb\n")[1][1].startswith("a\\tb\t")


@pytest.mark.parametrize("side", list(TruncationSide))
def test_an_exported_model_in_the_pipeline_of_transformers(data, tmp_path, side):
    """Our own tokenizer and a fresh BERT: transformers' pipeline gives the same scores of pairs, cut ones too."""

    config = FinetuningConfig(learner="encoder", encoder=EncoderFinetuningConfig(
        epochs=1, batch_size=9, max_length=16, learning_rate=1e-2, truncation_side=side))
    (tmp_path / "model").mkdir()
    finetune.run(FinetuneStage(config, 0, MODEL),
                 {"dataset": data, "tokenizer": tokenizer(tmp_path / "units")}, tmp_path / "model", RUNTIME)
    export(tmp_path / "model", tmp_path / "plain")
    card = (tmp_path / "plain" / "README.md").read_text(encoding="utf-8")
    assert '({"text": "…", "text_pair": "…"})' in card
    classify = pipeline("text-classification", model=str(tmp_path / "plain"), device="cpu")
    classify.tokenizer.truncation_side = side.value
    predictor = load_predictor(tmp_path / "model", RUNTIME)
    for a, b in PAIRS:
        (ours,) = predictor.predict([predictor.task.example("", a, b)])
        theirs = classify({"text": a, "text_pair": b}, top_k=None, truncation=True, max_length=16)
        assert dict(zip(predictor.task.labels, ours.probabilities, strict=True)) == pytest.approx(
            {one["label"]: one["score"] for one in theirs}, abs=1e-5)


def test_attention_shows_both_texts(data, tmp_path):
    head = HeadConfig(name="self_attention", self_attention=SelfAttentionHeadConfig(hidden=6, hops=2, dense=4))
    lm = FAMILIES["bert"].save(tmp_path / "lm")
    fit(data, tmp_path / "model", lm=lm, head=head)
    (tmp_path / "in.txt").write_text("部屋に大満足\t朝食について\n", encoding="utf-8")
    for name in ("out.jsonl", "out.html"):
        attention_file(AttentionConfig(artifact="", input=str(tmp_path / "in.txt"), output=str(tmp_path / name)),
                       tmp_path / "model", RUNTIME)
    row = json.loads((tmp_path / "out.jsonl").read_text(encoding="utf-8"))
    first = [p for p in row["pieces"] if "text_pair" not in p]
    second = [p for p in row["pieces"] if p.get("text_pair")]
    assert first and second and max(p["end"] for p in second) == len(row["text_pair"]) == 6
    assert max(p["end"] for p in first) == len(row["text"])
    assert "朝" in (tmp_path / "out.html").read_text(encoding="utf-8")


def test_entities_are_those_of_the_first_text(tmp_path):
    """A second text is in every window of a tagger, and has no units."""
    from jptransfer.tasks.files import open_dataset, read_examples, write_examples

    folder = entities(tmp_path / "data")
    task = open_dataset(folder)
    for split in ("train", "validation"):
        rows = [replace(one, text_pair="山本さんは横浜にいる。") for one in read_examples(task, folder, split)]
        write_examples(task, folder / f"{split}.parquet", rows)
        assert read_examples(task, folder, split) == rows
    lm = FAMILIES["bert"].save(tmp_path / "lm")
    fit(folder, tmp_path / "model", lm=lm)
    predictor = load_predictor(tmp_path / "model", RUNTIME)
    text = rows[0].text * 4
    features = predictor.features([predictor.task.example("", text, "山本さん")])
    second = predictor.tokenizer.encode("山本さん").ids
    assert len(features) > 2 and max(len(one.input_ids) for one in features) <= 32
    for one in features:
        assert one.input_ids[-1 - len(second):-1] == second and one.segments[-2] == 1
        assert max(one.positions) < len(one.input_ids) - len(second) - 2
    (found,) = predictor.predict([predictor.task.example("", text, "山本さん")])
    assert found.tokens[-1][1] == len(text) and found.text_pair == "山本さん"
