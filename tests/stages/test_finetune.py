import dataclasses
import json
import shutil

import pytest
import torch
from safetensors.torch import load_file
from transformers import BertForMaskedLM, GPT2Config, GPT2LMHeadModel

from jptransfer.config import (
    ClassWeights,
    Device,
    FinetuningConfig,
    HeadConfig,
    PhaseConfig,
    RuntimeConfig,
    SubsetConfig,
    TokenizerConfig,
)
from jptransfer.errors import ConfigError, DataError, JptError
from jptransfer.learners.encoder_settings import EncoderFinetuningConfig
from jptransfer.learners.prediction import epochs_of, load_predictor
from jptransfer.models.encoders.bert import configuration
from jptransfer.runtime import Runtime
from jptransfer.stages.finetune import FinetuneStage, run
from jptransfer.tasks.base import make_task
from jptransfer.tasks.files import open_dataset, read_examples, read_predictions
from jptransfer.tasks.ner import EntityExample
from jptransfer.tasks.spans import Span
from jptransfer.text.tokenizers import load_tokenizer, train_tokenizer
from tests.small import MODEL, entities, entity_examples, polarity, polarity_examples, tokenizer, write_dataset

pytestmark = pytest.mark.slow

PAYLOAD = {"config.json", "model.safetensors", "task_model.json", "vocab.txt", "jpt_tokenizer.json",
           "tokenizer_config.json"}
SENTENCE = "小林さんは去年、札幌へ引っ越した。"


@pytest.fixture
def runtime():
    """One thread: these models are too small to share."""
    return Runtime(RuntimeConfig(device=Device.cpu, threads=1))


@pytest.fixture(scope="session")
def folders(tmp_path_factory):
    root = tmp_path_factory.mktemp("finetune")
    units = tokenizer(root / "tokenizer")
    loaded = load_tokenizer(units)
    torch.manual_seed(9)
    BertForMaskedLM(configuration(MODEL, loaded.vocab_size, loaded.pad_id)).save_pretrained(root / "lm")
    return {"polarity": polarity(root / "polarity"), "entities": entities(root / "entities"), "tokenizer": units,
            "lm": root / "lm"}


def encoder(**settings):
    defaults = {"epochs": 2, "batch_size": 4, "max_length": 32, "learning_rate": 5e-3}
    return FinetuningConfig(encoder=EncoderFinetuningConfig(**{**defaults, **settings}))


def finetune(folders, out, runtime, config, data="polarity", lm=False, seed=0, learner="encoder"):
    out.mkdir(parents=True, exist_ok=True)
    inputs = {"dataset": folders[data], "tokenizer": folders["tokenizer"]}
    if lm:
        inputs["language_model"] = folders["lm"]
    stage = FinetuneStage(dataclasses.replace(config, learner=learner), seed, None if lm else MODEL)
    return run(stage, inputs, out, runtime)


def test_a_search_sees_its_own_split(folders, tmp_path, runtime):
    task, examples = make_task("classification", ["bad", "good"]), polarity_examples()
    dataset = write_dataset(tmp_path / "data", task, {
        "train": examples[::2], "validation": examples[1::4], "development": examples[3::4]})
    summary = finetune({**folders, "own": dataset}, tmp_path / "out", runtime, encoder(epochs=1), data="own")
    found = {split: read_predictions(task, tmp_path / "out", split) for split in ("validation", "development")}
    assert {split: [one.id for one in rows] for split, rows in found.items()} == {
        "validation": [one.id for one in examples[1::4]], "development": [one.id for one in examples[3::4]]}
    for name, split in (("validation", "validation"), ("search", "development")):
        right = sum(one.gold == one.predicted for one in found[split]) / len(found[split])
        assert summary.values[name]["accuracy"] == pytest.approx(right)


def payload(folder):
    """Bytes of every file but the history, whose records hold seconds."""
    files = (path for path in folder.rglob("*") if path.is_file() and ".work" not in path.parts)
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files if path.name != "history.jsonl"}


def test_learns_polarity_without_opening_the_test_split(folders, tmp_path, runtime):
    summary = finetune(folders, tmp_path, runtime, encoder(epochs=14))
    assert summary.values["validation"]["accuracy"] == 1.0
    assert PAYLOAD | {"predictions.parquet"} == set(payload(tmp_path))
    task = make_task("classification", ["bad", "good"])
    stored = read_predictions(task, tmp_path, "validation")
    dev = read_examples(task, folders["polarity"], "validation")
    again = load_predictor(tmp_path, runtime).predict(dev, batch_size=5)
    for one, two in zip(stored, again, strict=True):
        assert (one.id, one.gold, one.predicted) == (two.id, two.gold, two.predicted)
        assert one.probabilities == pytest.approx(two.probabilities, abs=1e-6)


def test_learns_entities_in_characters_of_the_original_text(folders, tmp_path, runtime):
    summary = finetune(folders, tmp_path, runtime, encoder(epochs=40), data="entities")
    assert summary.values["validation"]["entity_f1"] == 1.0
    predictor = load_predictor(tmp_path, runtime)
    (found,) = predictor.predict([predictor.task.example("new", SENTENCE)])
    assert [(SENTENCE[start:end], kind) for start, end, kind in found.predicted] == [("小林", "PER"), ("札幌", "LOC")]
    assert all(0 < score <= 1 for score in found.scores)


def test_entities_inside_units_are_told(folders, tmp_path, runtime):
    text = entity_examples()[0].text
    task, inside = make_task("ner", ["LOC"]), Span(1, len(text) - 1, "LOC")
    examples = [EntityExample("whole", text, (Span(0, len(text), "LOC"),)), EntityExample("inside", text, (inside,))]
    taken = [EntityExample(one.id, one.text, one.entities, ((0, len(text)),)) for one in examples]
    given = folders | {"inside": write_dataset(tmp_path / "data", task, {"train": taken})}
    summary = finetune(given, tmp_path / "model", runtime, encoder(epochs=1, max_length=48), "inside")
    assert summary.headline == "encoder on 2 examples (1 of 2 entities begin or end inside a unit)"


def test_the_same_configuration_gives_the_same_bytes_and_seeds_differ(folders, tmp_path, runtime):
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        finetune(folders, tmp_path / name, runtime, encoder(epochs=1), seed=seed)
    first, again, other = (payload(tmp_path / name) for name in "abc")
    assert first == again
    assert first["model.safetensors"] != other["model.safetensors"]


def test_killed_and_restarted_equals_never_stopped(folders, tmp_path, runtime):
    class KilledError(Exception):
        pass

    class Progress(type(runtime.progress)):
        """Stands for a kill: the fifth update is never told."""

        def bar(self, label, total=None, done=0):
            told = iter(range(5 if label == "toy-1" else 10**9))

            class Bar:
                def __enter__(self):
                    return self

                def __exit__(self, *error):
                    return None

                def set_postfix(self, text):
                    pass

                def update(self, amount=1):
                    if next(told, None) is None:
                        raise KilledError

            return Bar()

    every_step = dataclasses.replace(runtime.settings, checkpoint_seconds=0.0)
    epochs = encoder(epochs=2, save_every_epoch=True)
    finetune(folders, tmp_path / "whole", runtime, epochs)
    with pytest.raises(KilledError):
        told = dataclasses.replace(runtime, settings=every_step, progress=Progress(), title="toy-1")
        finetune(folders, tmp_path / "parts", told, epochs)
    finetune(folders, tmp_path / "parts", runtime, epochs)
    assert payload(tmp_path / "parts") == payload(tmp_path / "whole")


def test_every_epochs_model_can_be_kept_and_the_test_split_stays_closed(folders, tmp_path, runtime):
    phases = {"head": PhaseConfig(epochs=1, unfreeze=["head"]), "all": PhaseConfig(epochs=2)}
    finetune(folders, tmp_path / "kept", runtime, encoder(save_every_epoch=True, phases=phases))
    plain = finetune(folders, tmp_path / "plain", runtime, encoder(phases=phases))
    epochs = epochs_of(tmp_path / "kept")
    assert [epoch.name for epoch in epochs] == ["1", "2", "3"]
    whole = payload(tmp_path / "kept")
    assert {name: data for name, data in whole.items() if not name.startswith("epochs/")} == payload(tmp_path / "plain")
    dev = read_examples(make_task("classification", ["bad", "good"]), folders["polarity"], "validation")
    history = [json.loads(line) for line in (tmp_path / "kept" / "history.jsonl").read_text().splitlines()]
    told = [record for record in history if record["split"] == "validation"]
    for epoch, record in zip(epochs, told, strict=True):
        found = load_predictor(epoch, runtime).predict(dev)
        assert sum(one.gold == one.predicted for one in found) / len(dev) == pytest.approx(record["accuracy"])
        assert (record["step"] == plain.values["best_step"]) == (
            (epoch / "model.safetensors").read_bytes() == whole["model.safetensors"])


def test_a_frozen_encoder_stays_as_it_is(folders, tmp_path, runtime):
    config = encoder(epochs=1, freeze=["encoder"], head=HeadConfig(name="pooled"))
    summary = finetune(folders, tmp_path, runtime, config, lm=True)
    before = BertForMaskedLM.from_pretrained(folders["lm"]).base_model.state_dict()
    after = load_predictor(tmp_path, runtime).model.encoder.state_dict()
    assert set(after) == {name for name in before if not name.startswith("pooler")}
    assert all(torch.equal(value, before[name]) for name, value in after.items())
    assert summary.values["steps"] == 7


def test_early_stopping_keeps_the_best_checkpoint(folders, tmp_path, runtime):
    config = encoder(epochs=30, patience=2, learning_rate=5e-3)
    summary = finetune(folders, tmp_path, runtime, config)
    records = [json.loads(line) for line in (tmp_path / "history.jsonl").read_text().splitlines()]
    dev = [record for record in records if record["split"] == "validation"]
    best = max(range(len(dev)), key=lambda i: dev[i]["accuracy"])
    assert {record["step"] for record in dev} <= {record["step"] for record in records if record["split"] == "train"}
    assert len(dev) == best + 3 < 30
    assert summary.values["best_step"] == dev[best]["step"]
    assert summary.values["validation"]["accuracy"] == dev[best]["accuracy"]


def test_select_by_a_metric_that_is_better_when_lower(folders, tmp_path, runtime):
    summary = finetune(folders, tmp_path, runtime, encoder(epochs=5, metric_for_best_model="error_rate"))
    rates = [json.loads(line).get("error_rate") for line in (tmp_path / "history.jsonl").read_text().splitlines()]
    assert summary.values["validation"]["error_rate"] == min(rate for rate in rates if rate is not None)


def test_low_shot_and_class_weights_run(folders, tmp_path, runtime):
    config = dataclasses.replace(encoder(epochs=1, class_weights=ClassWeights.balanced), subset=SubsetConfig(n=6))
    assert finetune(folders, tmp_path, runtime, config).values["train_examples"] == 6


def test_clear_errors(folders, tmp_path, runtime):
    with pytest.raises(ConfigError, match="did you mean 'layer.1'"):
        finetune(folders, tmp_path / "a", runtime, encoder(freeze=["layer1"]))
    with pytest.raises(ConfigError, match="nothing to learn"):
        finetune(folders, tmp_path / "b", runtime, encoder(freeze=["*"]))
    with pytest.raises(ConfigError, match="the model has 48 positions"):
        finetune(folders, tmp_path / "c", runtime, encoder(max_length=64))
    with pytest.raises(ConfigError, match="metric"):
        finetune(folders, tmp_path / "d", runtime, encoder(metric_for_best_model="entity_f1"))
    with pytest.raises(ConfigError, match="diverged"):
        finetune(folders, tmp_path / "e", runtime, encoder(learning_rate=1e30))
    alone = write_dataset(tmp_path / "alone", open_dataset(folders["polarity"]), {"train": polarity_examples()})
    with pytest.raises(ConfigError, match="patience: the data set has no validation split"):
        finetune(folders | {"alone": alone}, tmp_path / "g", runtime, encoder(patience=1), data="alone")


@pytest.mark.parametrize("learner", ["encoder", "tfidf"])
def test_one_label_or_no_examples_are_clear_errors(folders, tmp_path, runtime, learner):
    good = [example for example in polarity_examples() if example.label == "good"]
    task = open_dataset(folders["polarity"])
    data = {"one": write_dataset(tmp_path / "one", task, {"train": good, "validation": good}),
            "none": write_dataset(tmp_path / "none", task, {"train": [], "validation": good})}
    for name, said in (("one", "have the label 'good'"), ("none", "is empty")):
        with pytest.raises(DataError, match=said):
            finetune(folders | data, tmp_path / "out", runtime, FinetuningConfig(), data=name, learner=learner)
        shutil.rmtree(tmp_path / "out")


@pytest.mark.real
def test_tfidf_reaches_the_reference_on_jrte(shared_data, tmp_path, runtime):
    rows = [line.split("\t") for line in (shared_data / "jrte" / "pn.tsv").read_text("utf-8").splitlines()]
    task = make_task("classification", ["-1", "0", "1"])
    example = type(task.example("", ""))
    splits = {split: [example(row[0], row[2], row[1]) for row in rows if row[4] == name]
              for split, name in (("train", "train"), ("validation", "dev"))}
    data = {"jrte": write_dataset(tmp_path / "data", task, splits), "tokenizer": tmp_path}
    summary = finetune(data, tmp_path / "out", runtime, FinetuningConfig(), data="jrte", learner="tfidf")
    assert summary.values["validation"]["accuracy"] == pytest.approx(0.823, abs=0.01)


@pytest.mark.parametrize("data", ["polarity", "entities"])
def test_a_model_whose_settings_name_no_padding(folders, tmp_path, runtime, data):
    size = {"n_embd": 16, "n_layer": 1, "n_head": 2, "n_positions": 48, "bos_token_id": 0, "eos_token_id": 0}
    units = load_tokenizer(folders["tokenizer"])
    GPT2LMHeadModel(GPT2Config(vocab_size=units.vocab_size, **size)).save_pretrained(tmp_path / "lm")
    finetune(folders | {"lm": tmp_path / "lm"}, tmp_path / "out", runtime, encoder(epochs=1), data, lm=True)
    assert json.loads((tmp_path / "out" / "config.json").read_text())["pad_token_id"] == units.pad_id


def test_gradual_unfreezing_moves_what_each_phase_names(folders, tmp_path, runtime):
    phases = {"head": PhaseConfig(epochs=1, unfreeze=["last 1"]),
              "top": PhaseConfig(unfreeze=["last 2"], lr_multiplier=0.5)}
    start = BertForMaskedLM.from_pretrained(folders["lm"]).bert.state_dict()
    for number in (1, 2):
        kept = dict(list(phases.items())[:number])
        out = tmp_path / str(number)
        finetune(folders, out, runtime, encoder(phases=kept, epochs=1, head=HeadConfig("pooled")), lm=True)
        found = load_file(out / "model.safetensors")
        moved = {name for name, value in found.items() if not torch.equal(value, start[name])}
        assert all(name.startswith("encoder.layer.1.") for name in moved) and bool(moved) == (number == 2)
    history = [json.loads(line) for line in (tmp_path / "2" / "history.jsonl").read_text().splitlines()]
    assert [(record["phase"], record["step"]) for record in history if record["split"] == "validation"] == [
        ("head", 7), ("top", 14)]


def take(folders, out, runtime, config, source, groups, data="polarity"):
    """Fine-tune a model from scratch that takes layer groups from the one in `source`."""
    out.mkdir(parents=True)
    inputs = {"dataset": folders[data], "tokenizer": folders["tokenizer"], "transfer": source}
    return run(FinetuneStage(dataclasses.replace(config, learner="encoder"), 1, MODEL, groups), inputs, out, runtime)


def test_layer_groups_of_a_model_with_another_tokenizer(folders, tmp_path, runtime):
    texts = [example.text for example in polarity_examples()]
    train_tokenizer(TokenizerConfig(kind="character", vocab_size=200, min_frequency=1), texts).save(tmp_path / "units")
    finetune(folders | {"tokenizer": tmp_path / "units"}, tmp_path / "source", runtime, encoder(epochs=1))
    config = encoder(epochs=1, freeze=["embeddings", "layer.0"])
    groups = ["embeddings", "layer.0-1", "head"]
    summary = take(folders, tmp_path / "target", runtime, config, tmp_path / "source", groups)
    old, new = (load_file(tmp_path / name / "model.safetensors") for name in ("source", "target"))
    same = {name for name, value in new.items() if value.shape == old[name].shape and torch.equal(value, old[name])}
    frozen = {name for name in new if name.startswith(("bert.embeddings", "bert.encoder.layer.0"))}
    words = "bert.embeddings.word_embeddings.weight"
    assert same == frozen - {words}
    before, after = (load_tokenizer(tmp_path / name) for name in ("source", "target"))
    origin = [before.id(after.token(index)) for index in range(after.vocab_size)]
    copied = [index for index, row in enumerate(new[words])
              if (index < 5 or origin[index] != before.unk_id) and torch.equal(row, old[words][origin[index]])]
    told = summary.values["transfer"]["groups"]["embeddings"]["embeddings.word_embeddings.weight"]
    assert told["copied"] == len(copied) > 5 and 0 < told["tokens_covered"] < 1
    assert summary.values["transfer"]["outputs"] == {"shared": ["bad", "good"], "fresh": []}
    predictor = load_predictor(tmp_path / "target", runtime)
    assert predictor.predict([predictor.task.example("new", "部屋")])[0].predicted in ("bad", "good")


def test_sources_that_do_not_fit_the_task_are_clear_errors(folders, tmp_path, runtime):
    finetune(folders, tmp_path / "classifier", runtime, encoder(epochs=1))
    finetune(folders, tmp_path / "linear", runtime, FinetuningConfig(), learner="tfidf")
    for name, data, said in (("classifier", "entities", "groups: the source was made for classification, and this"),
                             ("linear", "polarity", "source: a model of learner tfidf has no layer groups")):
        with pytest.raises(ConfigError, match=f"transfer.{said}"):
            take(folders, tmp_path / f"out-{name}", runtime, encoder(epochs=1), tmp_path / name, ["head"], data)


@pytest.mark.parametrize(("file", "content", "said"), [
    ("model.safetensors", b"\x08\0\0\0", "model.safetensors|transformers loads no"),
    ("task_model.json", b"{", "task_model.json is damaged"),
    ("task_model.json", b"{}", "task_model.json is damaged: KeyError: 'learner'"),
    ("task_model.json", b'{"learner": "encodr"}', "task_model.json is damaged: .*did you mean 'encoder'"),
])
def test_a_damaged_source_is_one_line(folders, tmp_path, runtime, file, content, said):
    finetune(folders, tmp_path / "source", runtime, encoder(epochs=1), data="entities")
    (tmp_path / "source" / file).write_bytes(content)
    with pytest.raises(JptError, match=said):
        take(folders, tmp_path / "out", runtime, encoder(epochs=1), tmp_path / "source", ["head"], "entities")
