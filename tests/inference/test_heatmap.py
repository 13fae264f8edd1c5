"""Values of a unit at characters: pages, pictures and JSON lines."""

import json
import math

import pytest
import torch

from jptransfer.config import FinetuningConfig, HeatmapConfig, ModelConfig, TokenizerConfig
from jptransfer.config.features import FeaturesConfig, States
from jptransfer.errors import ConfigError
from jptransfer.inference.heatmap import heatmap_file, marks
from jptransfer.learners.linear_probe_settings import LinearProbeConfig, Units
from jptransfer.learners.prediction import load_predictor
from jptransfer.models.encoders.byte_lstm_settings import MultiplicativeLstmModelConfig
from jptransfer.report.characters import CELLS, _lines
from jptransfer.stages.features import FeaturesStage
from jptransfer.stages.features import run as make_features
from jptransfer.stages.finetune import FinetuneStage
from jptransfer.stages.finetune import run as finetune
from jptransfer.text.simple_settings import ByteTokenizerConfig
from jptransfer.text.tokenizers import train_tokenizer
from tests.small import MODEL, polarity, tokenizer

pytestmark = pytest.mark.slow

BYTES = ModelConfig("multiplicative_lstm", multiplicative_lstm=MultiplicativeLstmModelConfig(12, 6))
TEXTS = "部屋が良い。\nThe room & the <b>view</b> は最高😀です\n"


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    from jptransfer.runtime import Runtime

    root, runtime = tmp_path_factory.mktemp("heat"), Runtime()
    byte = TokenizerConfig(kind="byte", vocab_size=256, byte=ByteTokenizerConfig(special_tokens=False))
    train_tokenizer(byte, ["あ"]).save(root / "bytes")
    data, found = polarity(root / "data"), {}
    for name, model, units in (("bytes", BYTES, root / "bytes"), ("bert", MODEL, tokenizer(root / "units"))):
        inputs = {"dataset": data, "tokenizer": units}
        (root / f"{name}-features").mkdir()
        settings = FeaturesConfig(states=States.cell if name == "bytes" else None, bptt=7)
        make_features(FeaturesStage(settings, model, 0), inputs, root / f"{name}-features", runtime)
        found[name] = root / name / "model"
        found[name].mkdir(parents=True)
        config = FinetuningConfig(learner="linear_probe", linear_probe=LinearProbeConfig(units=Units.one))
        inputs["features"] = root / f"{name}-features"
        finetune(FinetuneStage(config, 0, model), inputs, found[name], runtime)
    return found


def heat(folder, tmp_path, runtime, output="values.jsonl", **settings):
    (tmp_path / "in.txt").write_text(TEXTS, encoding="utf-8")
    config = HeatmapConfig(str(folder), str(tmp_path / "in.txt"), output=str(tmp_path / output), **settings)
    return heatmap_file(config, folder, runtime)


def test_a_character_has_the_value_after_its_last_byte(models, tmp_path, runtime):
    heat(models["bytes"], tmp_path, runtime, "page.html", unit=3)  # a unit that the model gives no weight
    assert "inf" not in (tmp_path / "page.html").read_text(encoding="utf-8").partition("</header>")[0].lower()
    count, unit = heat(models["bytes"], tmp_path, runtime, unit=3)
    assert (count, unit) == (2, 3)
    lines = [json.loads(line) for line in (tmp_path / "values.jsonl").read_text(encoding="utf-8").splitlines()]
    predictor = load_predictor(models["bytes"], runtime)
    model = predictor.model
    shown = predictor.predict([predictor.task.example(str(number), line["text"]) for number, line in enumerate(lines)])
    assert [line["prediction"] for line in lines] == [one.predicted for one in shown]
    sign = -1 if model.head.classifier.weight[1, 3] < 0 else 1
    for line in lines:
        text, values = line["text"], line["values"]
        assert len(values) == len(text)
        framed = torch.tensor([list(b"\n " + text.encode() + b" ")])
        cells = model.encoder.read_cells(framed)[1][0, :, 3].detach()
        done = 2
        for character, value in zip(text, values, strict=True):
            done += len(character.encode())
            assert value == pytest.approx(sign * float(cells[done - 1]), abs=1e-5)


def test_other_encoders_and_the_strongest_unit(models, tmp_path, runtime):
    _, unit = heat(models["bert"], tmp_path, runtime)
    assert unit == int(load_predictor(models["bert"], runtime).model.head.classifier.weight[1].abs().argmax())
    line = json.loads((tmp_path / "values.jsonl").read_text(encoding="utf-8").splitlines()[0])
    assert all(value is not None for value in line["values"])


def test_pages_escape_texts_and_pictures_are_drawn(models, tmp_path, runtime):
    heat(models["bytes"], tmp_path, runtime, "page.html")
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert "<b>view" not in page and "&lt;" in page and "最" in page and 'class="p"' in page + 'class="n"'
    heat(models["bytes"], tmp_path, runtime, "heat.png", limit=1)
    assert (tmp_path / "heat.png").read_bytes().startswith(b"\x89PNG")


def test_what_cannot_be_shown_is_refused(models, tmp_path, runtime):
    with pytest.raises(ConfigError, match="unit=12: the encoder has 12 units, from 0 on"):
        heat(models["bytes"], tmp_path, runtime, unit=12)
    with pytest.raises(ConfigError, match="output: a page .* can be written"):
        heat(models["bytes"], tmp_path, runtime, "x.pdf")


def test_runs_of_equal_values():
    nan = math.nan
    found = [(one.text, one.share) for one in marks("abcde", [1.0, 1.0, nan, nan, -2.0], 2.0)]
    assert found == [("ab", 0.5), ("cd", None), ("e", -1.0)]
    assert list(marks("", [], 1.0)) == []


def test_lines_break_at_spaces_and_between_wide_characters():
    wide = list(_lines([("あ", 0.0)] * (CELLS // 2 + 1)))
    assert [len(line) for line in wide] == [CELLS // 2, 1]
    words = [(character, 0.0) for character in "word " * 20]
    lines = ["".join(character for character, _ in line) for line in _lines(words)]
    assert "".join(lines) == "word " * 20 and all(line.endswith(" ") for line in lines)
