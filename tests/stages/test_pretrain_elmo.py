"""ELMo through the stages pretrain and adapt, from texts on."""

import json

import numpy as np
import pytest

from jptransfer.config import (
    LmTrainingConfig,
    ModelConfig,
    ObjectiveConfig,
    OptimizerConfig,
    TokenizerConfig,
    VocabularyPolicy,
)
from jptransfer.errors import ConfigError
from jptransfer.models.encoders.elmo_settings import ElmoModelConfig
from jptransfer.models.pretrained import load_language_model
from jptransfer.objectives.bilm_settings import BilmConfig
from jptransfer.stages.pretrain import PretrainStage, run
from jptransfer.text.encoded import array_path
from jptransfer.text.tokenizers import load_tokenizer, train_tokenizer
from jptransfer.text.views_settings import CharacterView, ViewsConfig
from tests.models.spelt import SIZE
from tests.small import polarity_examples
from tests.training.tiny import cpu

pytestmark = pytest.mark.slow

TEXTS = [example.text for example in polarity_examples()]
OTHERS = [text.replace("朝食", "夕食") for text in TEXTS]
MODEL = ModelConfig("elmo", elmo=ElmoModelConfig(**SIZE))


def inputs(folder, texts, kind="views", view=CharacterView.bytes):
    """A tokenizer trained on texts, and the texts in its ids, each a document."""
    config = TokenizerConfig(kind=kind, vocab_size=100, min_frequency=1, views=ViewsConfig(view))
    tokenizer = train_tokenizer(config, texts)
    tokenizer.save(folder / "tokenizer")
    encoded = folder / "encoded"
    encoded.mkdir()
    block = tokenizer.encode_lines(texts)
    edges = np.concatenate(([0], np.cumsum(block.lengths)))
    arrays = {"ids": block.ids, "word_starts": block.word_starts.astype(np.uint8), "sentences": edges,
              "documents": np.arange(len(edges))}
    for split in ("train", "validation"):
        for name, array in arrays.items():
            np.save(array_path(encoded, split, name), array)
    (encoded / "encoded.json").write_text(json.dumps(
        {"vocab_size": tokenizer.vocab_size, "splits": {"train": {}, "validation": {}}}))
    return {"tokenizer": folder / "tokenizer", "encoded": encoded}


def stage(**changes) -> PretrainStage:
    objective = ObjectiveConfig("bilm", bilm=BilmConfig(samples=20))
    values = {"max_length": 8, "batch_tokens": 64, "micro_batches": 2, "max_steps": 40, "evaluations": 2,
              "learning_rate": 0.03,
              "objective": objective, "optimizer": OptimizerConfig("adam", weight_decay=0.0), **changes}
    return PretrainStage(MODEL, LmTrainingConfig(**values))


def test_learns_and_is_adapted_to_other_words(tmp_path):
    general, domain = (tmp_path / name for name in ("general", "domain"))
    for folder, texts in ((general, TEXTS), (domain, OTHERS)):
        folder.mkdir()
        given = inputs(folder, texts)
        config, start = stage(), {}
        if folder is domain:
            config = stage(vocabulary=VocabularyPolicy.migrate, learning_rate=0.0, max_steps=1, evaluations=1)
            start = {"start": general / "lm"}
        (folder / "lm").mkdir()
        summary = run(config, given | start, folder / "lm", cpu())
        losses = [record["loss"] for record in map(json.loads, (folder / "lm/history.jsonl").read_text().splitlines())
                  if record["split"] == "validation"]
    assert losses and summary.values["forward_perplexity"] > 0
    first = [json.loads(line) for line in (general / "lm/history.jsonl").read_text().splitlines()]
    assert first[-1]["loss"] < first[0]["loss"]
    facts = summary.values["vocabulary"]
    assert facts["missing"] == 1 and facts["shared"] == facts["units"] - 1
    unknown = sum("夕食" in text for text in OTHERS)
    counted = np.load(array_path(domain / "encoded", "train", "word_starts")).sum()
    assert facts["tokens_covered"] == pytest.approx(1 - unknown / counted)
    models = [load_language_model(folder / "lm") for folder in (general, domain)]
    units = [load_tokenizer(folder / "lm") for folder in (general, domain)]
    old, new = (model.decoder.weight.detach().numpy() for model in models)
    for word in ("部屋", "は", "[UNK]"):
        assert np.array_equal(old[units[0].id(word)], new[units[1].id(word)])
    np.testing.assert_allclose(new[units[1].id("夕食")], old.mean(0), atol=1e-6)
    assert models[1].config.first_character == units[1].first_character == len(new)


def test_characters_that_change_are_not_converted(tmp_path):
    for name, texts in (("general", TEXTS), ("domain", OTHERS)):
        (tmp_path / name).mkdir()
        given = inputs(tmp_path / name, texts, view=CharacterView.characters)
        if name == "general":
            run(stage(max_steps=1), given, tmp_path, cpu())
    with pytest.raises(ConfigError, match="the new vocabulary has other characters"):
        run(stage(vocabulary=VocabularyPolicy.migrate), given | {"start": tmp_path}, tmp_path / "domain", cpu())


def test_a_tokenizer_without_bytes_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="elmo reads words and their characters"):
        run(stage(), inputs(tmp_path, TEXTS, "word"), tmp_path, cpu())
