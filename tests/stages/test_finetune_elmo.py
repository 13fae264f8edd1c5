"""The biattentive classification network on a pre-trained ELMo, and ELMo as a tagger, through the stages."""

from dataclasses import replace

import pytest
from safetensors.torch import load_file

from jptransfer.config import FinetuningConfig, HeadConfig, ModelConfig, OptimizerConfig, ScheduleConfig
from jptransfer.learners.encoder_settings import EncoderFinetuningConfig
from jptransfer.learners.prediction import load_predictor
from jptransfer.models.encoders.elmo_settings import ElmoModelConfig
from jptransfer.models.heads.bcn_settings import BcnHeadConfig
from jptransfer.stages import pretrain
from jptransfer.stages.finetune import FinetuneStage, run
from tests.models.spelt import SIZE
from tests.small import entities, entity_examples, polarity, polarity_examples
from tests.stages.test_pretrain_elmo import inputs, stage
from tests.training.tiny import cpu

pytestmark = pytest.mark.slow

TEXTS = [example.text for example in (*polarity_examples(), *entity_examples())]
HARD = ["", "部", "𠮷" * 9, " ", "部屋" * 20_000, "0" * 10_000]
"""Empty, one unit, unknown ones alone, white space, a very long text, a very long word."""


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    root = tmp_path_factory.mktemp("elmo")
    given = inputs(root, TEXTS)
    (root / "lm").mkdir()
    config = stage(max_steps=60)
    config.model = ModelConfig("elmo", elmo=ElmoModelConfig(**SIZE | {"projection": 16, "filters": [8, 16, 16]}))
    pretrain.run(config, given, root / "lm", cpu())
    return {"polarity": polarity(root / "polarity"), "entities": entities(root / "entities"), "lm": root / "lm",
            "tokenizer": root / "tokenizer"}


def finetune(folders, out, data="polarity", vectors="", **settings):
    bcn = BcnHeadConfig(vectors, 4, 0.1, hidden=16, maxout=[16, 8], maxout_dropouts=[0.0, 0.1])
    head = HeadConfig("bcn" if data == "polarity" else "", 0.1, bcn=bcn)
    values = {"epochs": 15, "batch_size": 4, "max_length": 400, "head": head, "learning_rate": 5e-3,
              "optimizer": OptimizerConfig("adam", weight_decay=0.0, clip=5.0),
              "schedule": ScheduleConfig("constant", warmup=0.0)} | settings
    out.mkdir(parents=True, exist_ok=True)
    config = FinetuningConfig(encoder=EncoderFinetuningConfig(**values))
    given = {"dataset": folders[data], "tokenizer": folders["tokenizer"], "language_model": folders["lm"]}
    return run(FinetuneStage(replace(config, learner="encoder"), 0), given, out, cpu())


@pytest.mark.parametrize("frozen", [["encoder"], []])
def test_learns_polarity_and_reads_any_text(folders, tmp_path, frozen):
    vectors = tmp_path / "some.vec"
    vectors.write_text("2 4\n部屋 1 2 3 4\n最高 4 5 6 7\n", encoding="utf-8")
    summary = finetune(folders, tmp_path / "task", freeze=frozen, vectors=str(vectors), epochs=3 if frozen else 15)
    assert frozen or summary.values["validation"]["accuracy"] > 0.85
    assert summary.values["head_vectors"]["found"] == 2
    assert str(tmp_path) not in (tmp_path / "task/task_model.json").read_text()
    before, after = (load_file(folder / "model.safetensors") for folder in (folders["lm"], tmp_path / "task"))
    moved = {name for name, value in after.items() if not value.equal(before[f"encoder.{name}"])}
    assert moved == (set() if frozen else set(after))
    mix = load_file(tmp_path / "task/head.safetensors")["mix.weights"]
    assert len(mix.unique()) == 3
    predictor = load_predictor(tmp_path / "task", cpu())
    found = predictor.predict([predictor.task.example(str(number), text) for number, text in enumerate(HARD)])
    assert len(found) == len(HARD) and all(sum(one.probabilities) == pytest.approx(1) for one in found)
    alone = predictor.predict([predictor.task.example("", HARD[1])])
    assert alone[0].probabilities == pytest.approx(found[1].probabilities, abs=1e-5)


def test_words_are_tagged(folders, tmp_path):
    summary = finetune(folders, tmp_path, "entities", epochs=30, learning_rate=0.02)
    assert summary.values["validation"]["entity_f1"] == 1.0
    predictor = load_predictor(tmp_path, cpu())
    (found,) = predictor.predict([predictor.task.example("new", "小林さんは去年、札幌へ引っ越した。")])
    assert [(found.text[start:end], kind) for start, end, kind in found.predicted] == [("小林", "PER"), ("札幌", "LOC")]
