"""What length limits leave out is counted and said wherever texts become input."""

from __future__ import annotations

import json
from random import Random
from types import SimpleNamespace

import numpy as np
import pytest

from jptransfer.config import (
    AttentionConfig,
    Device,
    EncodingConfig,
    EvaluationConfig,
    FinetuningConfig,
    HeadConfig,
    PredictConfig,
    ReportConfig,
    RuntimeConfig,
    TokenizerConfig,
    TruncationSide,
)
from jptransfer.inference.attention import attention_file
from jptransfer.inference.predict import predict_file
from jptransfer.learners.encoder_settings import EncoderFinetuningConfig
from jptransfer.objectives.sequences import sentence_pairs
from jptransfer.report import page
from jptransfer.report.contents import assemble
from jptransfer.report.results import collect
from jptransfer.report.sources import Sources
from jptransfer.runtime import Runtime, SilentProgress
from jptransfer.stages import encode, evaluate, finetune
from jptransfer.stages.encode import EncodeStage
from jptransfer.stages.evaluate import EvaluateStage
from jptransfer.stages.finetune import FinetuneStage
from jptransfer.tasks.base import make_task
from jptransfer.tasks.classification import TextExample
from jptransfer.text.cuts import Cut, take_words_cut
from jptransfer.text.tokenizers import load_tokenizer, train_tokenizer
from tests.report import fabricate
from tests.small import MODEL, polarity_examples, write_dataset

pytestmark = pytest.mark.slow


class Said(SilentProgress):
    """Keeps the lines."""

    def __init__(self):
        self.lines = []

    def log(self, line):
        self.lines.append(line)


@pytest.fixture
def runtime():
    return Runtime(RuntimeConfig(device=Device.cpu, threads=1), Said())


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """A tokenizer of characters, so that tokens are counted by hand, and texts of 10 and of 30 of them."""
    root = tmp_path_factory.mktemp("truncation")
    texts = [example.text for example in polarity_examples()]
    train_tokenizer(TokenizerConfig(kind="character", vocab_size=200, min_frequency=1), texts).save(root / "tokenizer")
    made = {"train": [("あ" * 30, "good"), ("い" * 10, "bad"), ("う" * 30, "good")],
            "validation": [("あ" * 31, "good"), ("い" * 10, "bad")], "test": [("あ" * 40, "good"), ("い" * 30, "bad")]}
    examples = {split: [TextExample(f"{split}{number}", *row) for number, row in enumerate(rows)]
                for split, rows in made.items()}
    write_dataset(root / "data", make_task("classification", ["bad", "good"]), examples)
    return {"dataset": root / "data", "tokenizer": root / "tokenizer"}


def fit(folders, out, runtime, **settings):
    config = EncoderFinetuningConfig(**{"epochs": 1, "max_length": 22, "batch_size": 2, **settings})
    out.mkdir(parents=True, exist_ok=True)
    stage = FinetuneStage(FinetuningConfig(learner="encoder", encoder=config), 0, MODEL)
    return finetune.run(stage, folders, out, runtime)


LINE = ("cut: train: 2 of 3 texts are longer than max_length=22 and lose 20 of 70 (28.6%) tokens; validation: 1 of 2 "
        "texts are longer than max_length=22 and lose 11 of 41 (26.8%) tokens")


@pytest.mark.parametrize("keep", list(TruncationSide))
def test_fine_tuning_counts_training_and_validation(folders, tmp_path, runtime, keep):
    summary = fit(folders, tmp_path, runtime, truncation_side=keep)
    assert runtime.progress.lines == [LINE]
    found = summary.values["truncation"]
    assert Cut(**found["train"]) == Cut(3, 2, 70, 20, limit=22)
    assert Cut(**found["validation"]) == Cut(2, 1, 41, 11, limit=22)
    assert json.loads(json.dumps(summary.values)) == summary.values


def test_nothing_is_said_where_nothing_is_cut(folders, tmp_path, runtime):
    summary = fit(folders, tmp_path, runtime, max_length=42)
    assert not runtime.progress.lines
    assert summary.values["truncation"]["train"]["texts_cut"] == 0


def test_evaluation_counts_each_split_by_itself(folders, tmp_path, runtime):
    fit(folders, tmp_path / "model", runtime)
    runtime.progress.lines.clear()
    summary = evaluate.run(EvaluateStage(EvaluationConfig(splits=["validation", "test"])),
                           {"task_model": tmp_path / "model", "dataset": folders["dataset"]}, tmp_path, runtime)
    assert summary.values["truncation"]["validation"]["tokens_cut"] == 11
    assert Cut(**summary.values["truncation"]["test"]) == Cut(2, 2, 70, 30, limit=22)
    (line,) = runtime.progress.lines
    assert "test: 2 of 2 texts are longer than max_length=22 and lose 30 of 70 (42.9%) tokens" in line


def test_an_ensemble_says_what_the_model_that_reads_least_leaves_out(folders, tmp_path, runtime):
    for name, most in (("a", 22), ("b", 32)):
        fit(folders, tmp_path / name, runtime, max_length=most)
    summary = evaluate.run(EvaluateStage(EvaluationConfig(splits=["test"])), {
        "task_model": tmp_path / "b", "task_model:2": tmp_path / "a", "dataset": folders["dataset"]}, tmp_path, runtime)
    assert summary.values["truncation"]["test"]["tokens_cut"] == 30


def test_prediction_and_attention_say_it_on_standard_error(folders, tmp_path, runtime, capsys):
    fit(folders, tmp_path / "model", runtime, head=HeadConfig("self_attention"))
    (tmp_path / "in.txt").write_text("あ" * 25 + "\n" + "い" * 5 + "\n")
    expected = "cut: 1 of 2 texts are longer than max_length=22 and lose 5 of 30 (16.7%) tokens\n"
    predict_file(PredictConfig(input=str(tmp_path / "in.txt"), output=str(tmp_path / "out.tsv")), [tmp_path / "model"],
                 runtime)
    assert capsys.readouterr().err == expected
    attention_file(AttentionConfig(input=str(tmp_path / "in.txt"), output=str(tmp_path / "out.jsonl")),
                   tmp_path / "model", runtime)
    assert capsys.readouterr().err == expected


@pytest.mark.parametrize("given", [False, True])
@pytest.mark.parametrize("read", [None, 4, 100])
def test_characters_of_long_words_are_counted(tmp_path, given, read):
    config = TokenizerConfig(kind="views", vocab_size=100, min_frequency=1)
    config.views.max_characters = 6
    config.segmenter.name = config.segmenter.name.whitespace
    train_tokenizer(config, ["abcdefghij kl"]).save(tmp_path)
    tokenizer = load_tokenizer(tmp_path)
    tokenizer.read_characters = read
    if given:
        tokenizer.encode_words(["abcdefghij", "kl", "abcdefghij"])
    else:
        tokenizer.encode_lines(["abcdefghij kl", "abcdefghij"])
    lost = 2 * (10 - min(6, read or 6))
    found = take_words_cut(tokenizer)
    assert found == Cut(words_cut=2, characters_cut=lost)
    assert found.sentence() == f"2 words are longer than max_characters and lose {lost} characters"
    assert not take_words_cut(tokenizer)


def test_sentence_pairs_count_the_tokens_they_lose():
    lengths = [5, 60, 4, 70]
    borders = np.concatenate(([0], np.cumsum(lengths)))
    split = SimpleNamespace(sentences=borders, documents=np.array([0, 2, 4]))
    found = sentence_pairs(split, 35, 3, 0.0, Random(0))
    whole = sentence_pairs(split, 1000, 3, 0.0, Random(0))
    assert found.lost[0] > 0
    assert 0 < found.lost[1] <= len(found)
    assert whole.lost == (0, 0)


def test_the_report_has_a_table_of_what_was_cut(tmp_path):
    store = fabricate.classification(tmp_path)
    counts = Cut(402, 401, 60_000, 12_345, limit=128).describe()
    for folder in store.inputs.values():
        path = folder / "manifest.json"
        manifest = json.loads(path.read_text())
        if manifest["kind"] == "evaluation":
            manifest["summary"].setdefault("values", {})["truncation"] = {"test": counts}
            path.write_text(json.dumps(manifest))
    sources = Sources.read(store.inputs, store.rows)
    config = ReportConfig(trials=20, bootstrap=20, errors=2)
    report = assemble(sources, collect(sources, config), config, "cut")
    table = report.sections[0].cut
    assert [[cell.text for cell in row][1:7] for row in table.rows] == [
        ["test", "128", "402", "401", "12,345", "20.6%"]] * len(fabricate.ROWS)
    assert "Cut texts of" in page.html(report)


def test_encoding_a_corpus_counts_characters_of_long_words(tmp_path, runtime):
    config = TokenizerConfig(kind="views", vocab_size=100, min_frequency=1)
    config.views.max_characters = 6
    config.segmenter.name = config.segmenter.name.whitespace
    train_tokenizer(config, ["abcdefghij kl"]).save(tmp_path / "tokenizer")
    (tmp_path / "corpus").mkdir()
    (tmp_path / "corpus" / "train.txt").write_text("abcdefghij kl\nkl\n\n")
    (tmp_path / "out").mkdir()
    summary = encode.run(EncodeStage(EncodingConfig()), {"corpus": tmp_path / "corpus",
                         "tokenizer": tmp_path / "tokenizer"}, tmp_path / "out", runtime)
    assert summary.values["splits"]["train"]["characters_cut"] == 4
    assert runtime.progress.lines == ["cut: train: 1 word is longer than max_characters and loses 4 characters"]
