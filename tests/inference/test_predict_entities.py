"""Entities of raw text as `jpt predict` writes them: whatever text, tokenizer and format, offsets are the text's."""

import json
import random
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from transformers import BertJapaneseTokenizer

from jptransfer.config import (
    Device,
    HeadConfig,
    OutputFormat,
    PredictConfig,
    RuntimeConfig,
    SegmenterConfig,
    TaskConfig,
    TokenizerConfig,
)
from jptransfer.datasets import conll_file
from jptransfer.errors import ConfigError
from jptransfer.inference.predict import predict_file
from jptransfer.learners import prediction
from jptransfer.learners.scores import EncoderPredictor
from jptransfer.models.encoders.bert import configuration
from jptransfer.models.task_models import fresh_head
from jptransfer.runtime import Runtime
from jptransfer.tasks.base import Feature, make_task
from jptransfer.tasks.ner import EntityPrediction, EntityRecognition
from jptransfer.tasks.spans import Span
from jptransfer.text.tokenizers import load_tokenizer, train_tokenizer
from jptransfer.text.views_settings import CharacterView, ViewsConfig
from tests.models.tagger import tagger
from tests.small import MODEL

pytestmark = pytest.mark.slow

TEXTS = ["東京タワーへ行く。", "Anna lives in Rome", "ジャズを流して 下さい", "ﾊﾝｶｸ ｶﾞｷﾞ",
         "山本さん 大阪", "👩‍👩‍👧 と が か\u3099"]
LABELS = ["LOC", "人 名"]
JOINED = SegmenterConfig(join_auxiliaries=True)
BIGRAMS = ViewsConfig(CharacterView.bigrams)
UNITS = {
    "tagger": TokenizerConfig(kind="views", lowercase=True, views=BIGRAMS),
    "tagger, romanised": TokenizerConfig(kind="views", lowercase=True, views=replace(BIGRAMS, romanize=True)),
    "tagger, romanised and joined": TokenizerConfig(kind="views", lowercase=True, segmenter=JOINED,
                                                    views=replace(BIGRAMS, romanize=True)),
    "bert, wordpiece": TokenizerConfig(kind="wordpiece"),
    "bert, unigram": TokenizerConfig(kind="unigram"),
    "bert, bpe": TokenizerConfig(kind="bpe"),
    "bert, romanised wordpiece": TokenizerConfig(kind="wordpiece", romanize=True, segmenter=JOINED),
}
PRETRAINED = "bert, transformers' tokenizer"
CHARACTERS = st.one_of(
    st.characters(exclude_categories=["Cs"]),
    st.sampled_from("東京ﾊﾟｶﾞかがぱ\u3099\u309a \t\n\r　\u200d\ufe0f👩👧🏽\x00\x0b\x1c\x85\u2028\ufeff㍻ﬁİßabA▁_-"))
TEXT = st.text(CHARACTERS, max_size=25)


def small(config):
    return replace(config, vocab_size=90, min_frequency=1)


@pytest.fixture(scope="module")
def predictors(tmp_path_factory):
    """Name -> task model with random weights, of which one tag is as likely as another."""
    made = {name: train_tokenizer(small(config), TEXTS * 3) for name, config in UNITS.items()}
    folder = tmp_path_factory.mktemp("pretrained")
    made["bert, wordpiece"].save(folder)
    BertJapaneseTokenizer(str(folder / "vocab.txt"), word_tokenizer_type="mecab").save_pretrained(folder / "theirs")
    made[PRETRAINED] = load_tokenizer(folder / "theirs")
    return {name: predictor(units, name.startswith("tagger")) for name, units in made.items()}


def predictor(units, is_tagger):
    task = make_task("ner", LABELS)
    if is_tagger:
        model = tagger(units, labels=LABELS)
    else:
        encoder = configuration(MODEL, units.vocab_size, units.pad_id)
        model = fresh_head(encoder, EntityRecognition.output, task.outputs, HeadConfig(""), seed=1)
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in list(model.parameters())[0 if is_tagger else -2:]:
            parameter.copy_(torch.randn(parameter.shape, generator=generator))
    return EncoderPredictor(task, model, units, 48, torch.device("cpu"), Runtime(RuntimeConfig(device=Device.cpu)))


def written(folder: Path, one, texts, name, **given):
    """Predict texts, which are objects of JSON lines, and return the path of the output."""
    source = folder / "in.jsonl"
    source.write_text("".join(json.dumps({"text": text}) + "\n" for text in texts), encoding="utf-8")
    config = PredictConfig("", str(source), output=str(folder / name), **given)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(prediction, "load_predictor", lambda folder, runtime: one)
        patch.setattr(prediction, "reads_pairs", lambda folders: False)
        assert predict_file(config, [folder], Runtime()) == len(texts)
    return folder / name


def json_entities(path):
    """Return each line's entities (start, end, type), having checked them against the line's text."""
    found = []
    for line in path.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        end = 0
        for entity in row["entities"]:
            assert end <= entity["start"] < entity["end"] <= len(row["text"])
            end = entity["end"]
            assert entity["text"] == row["text"][entity["start"]:end] == entity["text"].strip() != ""
            assert entity["type"] in LABELS
            assert 0 <= entity["score"] <= 1
        found.append([(entity["start"], entity["end"], entity["type"]) for entity in row["entities"]])
    return found


def brat_entities(path):
    """Read a pair of files as brat does: any line end ends a line, and the text quoted is the text at the place."""
    text = path.with_suffix(".txt").read_text(encoding="utf-8")  # line ends of any kind become \n
    found, notes = [], []
    for line in path.with_suffix(".ann").read_text(encoding="utf-8").splitlines():
        number, middle, quoted = line.split("\t")
        if number[0] == "#":
            notes.append((middle, float(quoted)))
            continue
        kind, _, places = middle.partition(" ")
        pieces = [tuple(map(int, piece.split(" "))) for piece in places.split(";")]
        assert quoted == " ".join(text[start:end] for start, end in pieces)
        assert not any("\n" in text[start:end] for start, end in pieces)
        assert not text[pieces[0][0]:pieces[-1][1]].isspace()
        assert number == f"T{len(found) + 1}"
        found.append((pieces[0][0], pieces[-1][1], kind.replace("_", " ")))
    assert [note for note, _ in notes] == [f"AnnotatorNotes T{number + 1}" for number in range(len(found))]
    return text, found


def column_entities(path):
    """Read columns with our own reader, and take the offsets from the columns beside the tokens."""
    blocks = path.read_text(encoding="utf-8").split("\n\n")[:-1]
    examples = conll_file.read(TaskConfig(kind="ner", dataset="conll_file", files={"train": str(path)})).splits["train"]
    found = []
    for block, one in zip(blocks, examples, strict=True):
        lines = [line.split("\t") for line in block.split("\n")]
        assert [one.text[start:end] for start, end in one.tokens] == [line[0] for line in lines]
        begins = {start: int(line[1]) for (start, _), line in zip(one.tokens, lines, strict=True)}
        ends = {end: int(line[2]) for (_, end), line in zip(one.tokens, lines, strict=True)}
        assert all((line[3] == "_") == (line[4] == "O") for line in lines)
        found.append([(begins[start], ends[end], kind.replace("_", " ")) for start, end, kind in one.entities])
    return found


class Answered:
    """What a predictor has said of texts, to be written several times."""

    def __init__(self, one, texts):
        self.task = one.task
        self.answers = one.predict([one.task.example(str(number), text) for number, text in enumerate(texts)])

    def predict(self, examples, batch_size=64):
        assert [one.text for one in examples] == [one.text for one in self.answers]
        return self.answers

    def units(self):
        """The units of each text that hold more than white space."""
        return [[unit for unit in one.tokens if one.text[slice(*unit)].strip()] for one in self.answers]


def check(folder, one, texts):
    one = Answered(one, texts)
    for old in (folder / "brat").glob("*"):
        old.unlink()
    expected = json_entities(written(folder, one, texts, "out.jsonl"))
    brat = written(folder, one, texts, "brat", format=OutputFormat.brat)
    for number, (text, entities) in enumerate(zip(texts, expected, strict=True), 1):
        shown, found = brat_entities(brat / f"{number:06}")
        assert found == entities
        assert len(shown) == len(text)
        assert all(a == b for a, b in zip(shown, text, strict=True) if b.isprintable())
    tagged = [entities for units, entities in zip(one.units(), expected, strict=True) if units]
    if tagged:
        assert column_entities(written(folder, one, texts, "out.conll")) == tagged
    return sum(map(len, expected))


@pytest.mark.parametrize("name", [*UNITS, PRETRAINED])
def test_entities_are_the_texts_own_in_every_format(name, predictors, tmp_path):
    seen = Counter()

    @settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
    @given(st.lists(TEXT, min_size=1, max_size=3))
    @example(["ﾊﾝｶｸ　ｶﾞｷﾞを\n\t流して\r\n東 京", "👩‍👩‍👧\u2028 と\x85か\u3099 \x00", "\ufeff", "\n \t\n"])
    def holds(texts):
        seen["entities"] += check(tmp_path, predictors[name], texts)

    holds()
    assert seen["entities"] > 0


@pytest.mark.parametrize("name", ["tagger, romanised and joined", "bert, unigram", "bert, wordpiece"])
def test_a_line_of_ten_thousand_characters(name, predictors, tmp_path):
    text = "".join(random.Random(0).choices("ﾊﾝｶｸ東京をへ流しabc 👩\u200d👧か\u3099\t", k=10_000))
    assert check(tmp_path, predictors[name], [text]) > 300


class Said:
    """Says what it was told of each text: the places of its tokens, and of its entities."""

    task = make_task("ner", LABELS)

    def __init__(self, **of):
        self.of = of

    def predict(self, examples, batch_size=64):
        return [EntityPrediction(e.id, e.text, tokens, None, spans, [0.5] * len(spans))
                for e in examples for tokens, spans in [self.of.get(e.text, ([], []))]]


def test_lines_of_a_file_are_one_document(tmp_path, monkeypatch):
    (tmp_path / "news.txt").write_text("𠮷が京都へ\n\n京都から", encoding="utf-8")
    kyoto = {"𠮷が京都へ": ([], [Span(2, 4, "LOC")]), "京都から": ([], [Span(0, 2, "人 名")])}
    monkeypatch.setattr(prediction, "load_predictor", lambda folder, runtime: Said(**kyoto))
    monkeypatch.setattr(prediction, "reads_pairs", lambda folders: False)
    config = PredictConfig("", str(tmp_path / "news.txt"), output=str(tmp_path / "out"), format=OutputFormat.brat)
    predict_file(config, [tmp_path], Runtime())
    assert (tmp_path / "out" / "news.txt").read_text(encoding="utf-8") == "𠮷が京都へ\n\n京都から\n"
    assert (tmp_path / "out" / "news.ann").read_text(encoding="utf-8").splitlines()[::2] == [
        "T1\tLOC 2 4\t京都", "T2\t人_名 7 9\t京都"]
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["annotation.conf", "news.ann", "news.txt"]
    assert (tmp_path / "out" / "annotation.conf").read_text(encoding="utf-8").startswith("[entities]\nLOC\n人_名\n\n")
    with pytest.raises(ConfigError, match="output: .*out is there already"):
        predict_file(config, [tmp_path], Runtime())


def test_an_entity_over_lines_by_hand(tmp_path):
    text = "a 東\r\n \n\t京\tb"
    tokens = [(0, 1), (2, 3), (4, 7), (8, 9), (10, 11)]
    one = Said(**{text: (tokens, [Span(2, 9, "LOC")])})
    brat = written(tmp_path, one, [text], "out", format=OutputFormat.brat)
    assert (brat / "000001.ann").read_text(encoding="utf-8") == (
        "T1\tLOC 2 4;7 9\t東   京\n#1\tAnnotatorNotes T1\t0.500000\n")
    assert written(tmp_path, one, [text], "out.conll").read_text(encoding="utf-8") == (
        "a\t0\t1\t_\tO\n東\t2\t3\t0.500000\tB-LOC\n京\t8\t9\t0.500000\tI-LOC\nb\t10\t11\t_\tO\n\n")


def test_white_space_is_no_entity(tmp_path):
    one = Said(**{" 京都 \n": ([(0, 1), (1, 3), (3, 5)], [Span(0, 1, "LOC"), Span(1, 5, "人 名")])})
    assert json_entities(written(tmp_path, one, [" 京都 \n"], "out.jsonl")) == [[(1, 3, "人 名")]]
    assert written(tmp_path, one, [" 京都 \n"], "out.tsv").read_text(encoding="utf-8").splitlines()[1] == (
        " 京都 \\n\t1:3:0.500000:人_名")


class Polarity:
    task = make_task("classification", ["bad", "good"])

    def predict(self, examples, batch_size=64):
        features = [Feature(i, [], np.empty(0)) for i in range(len(examples))]
        return self.task.decode(features, [torch.zeros(2).numpy()] * len(examples), examples)


@pytest.mark.parametrize("layout", [OutputFormat.conll, OutputFormat.brat])
def test_labels_of_texts_are_no_columns(tmp_path, layout):
    with pytest.raises(ConfigError, match=f"format: {layout.value} holds entities.*tsv and jsonl"):
        written(tmp_path, Polarity(), ["良い"], "out", format=layout)


def test_brat_needs_a_folder(tmp_path, monkeypatch):
    monkeypatch.setattr(prediction, "load_predictor", lambda folder, runtime: Said())
    monkeypatch.setattr(prediction, "reads_pairs", lambda folders: False)
    with pytest.raises(ConfigError, match="output: brat is files in a folder"):
        predict_file(PredictConfig("", str(tmp_path), format=OutputFormat.brat), [tmp_path], Runtime())
