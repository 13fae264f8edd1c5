"""Byte language models: size, files, streams, padding, bits per byte."""

import math

import numpy as np
import pytest
import torch
import transformers

from jptransfer.config import LmTrainingConfig, ModelConfig, ObjectiveConfig, TokenizerConfig
from jptransfer.models.encoders.byte_lstm_settings import ByteLstmModelConfig, MultiplicativeLstmModelConfig
from jptransfer.models.pretrained import (
    fresh_configuration,
    fresh_language_model,
    load_language_model,
    save_language_model,
)
from jptransfer.models.windows import Windows, encode_windows
from jptransfer.objectives.causal import CausalLanguageModel
from jptransfer.objectives.causal_settings import CausalConfig
from jptransfer.text.simple_settings import ByteTokenizerConfig
from jptransfer.text.tokenizers import train_tokenizer
from jptransfer.training.types import LossTotals
from tests.training.tiny import make_split

TOKENIZER = train_tokenizer(TokenizerConfig(kind="byte", byte=ByteTokenizerConfig(special_tokens=False), nfkc=False))
BOTH = pytest.mark.parametrize("name", ["byte_lstm", "multiplicative_lstm"])
PLAIN = ObjectiveConfig("causal", causal=CausalConfig(ar=0.0, tar=0.0))


def language_model(name, size=12):
    sizes = {"byte_lstm": ByteLstmModelConfig(size, 6), "multiplicative_lstm": MultiplicativeLstmModelConfig(size, 6)}
    torch.manual_seed(0)
    return fresh_language_model(fresh_configuration(ModelConfig(name, **sizes), TOKENIZER), PLAIN).eval()


def test_the_papers_model_has_its_number_of_parameters():
    with torch.device("meta"):
        made = fresh_language_model(fresh_configuration(ModelConfig("multiplicative_lstm"), TOKENIZER), PLAIN)
    assert sum(parameter.numel() for parameter in made.parameters()) == 86_319_360


@BOTH
def test_files_are_those_of_transformers(name, tmp_path):
    made, ids = language_model(name), torch.randint(256, (2, 9))
    save_language_model(made, tmp_path)
    for loaded in (load_language_model(tmp_path), transformers.AutoModelForCausalLM.from_pretrained(tmp_path)):
        torch.testing.assert_close(loaded.eval()(ids).logits, made(ids).logits)


@BOTH
def test_a_text_does_not_depend_on_padding_at_either_end(name):
    encoder = language_model(name).encoder
    ids = torch.randint(256, (1, 6))
    alone = encoder(ids)
    for before, after in ((0, 3), (3, 0)):
        padded = torch.nn.functional.pad(ids, (before, after))
        mask = torch.nn.functional.pad(torch.ones_like(ids), (before, after))
        found = encoder(padded, mask)
        for part in ("last_hidden_state", "cells"):
            torch.testing.assert_close(found[part][:, before:before + 6], alone[part])


@BOTH
def test_long_texts_are_read_in_windows(name):
    encoder = language_model(name).encoder
    ids = torch.randint(256, (2, 11))
    mask = torch.ones_like(ids)
    mask[1, 7:] = 0
    found = encode_windows(encoder, {"input_ids": ids, "attention_mask": mask}, Windows(3, 4))
    for row, length in enumerate((11, 7)):
        alone = encoder(ids[row:row + 1, :length]).last_hidden_state[0, -4:]
        torch.testing.assert_close(found.last[row], alone)


@BOTH
def test_windows_of_a_stream_are_one_reading(name):
    made, ids = language_model(name), torch.randint(256, (2, 10))
    first = made.read_stream(ids[:, :4], None)
    second = made.read_stream(ids[:, 4:], first.state)
    torch.testing.assert_close(torch.cat([first.states, second.states], 1), made.encoder(ids).last_hidden_state)


@BOTH
def test_bits_per_byte_of_a_model_that_knows_nothing_are_eight(name):
    """A uniform distribution over 256 symbols has an entropy of 8 bits; every byte is predicted, the frame's too."""
    made = language_model(name)
    torch.nn.init.zeros_(made.decoder.weight)
    config = LmTrainingConfig(max_length=16, batch_tokens=64, objective=PLAIN)
    objective = CausalLanguageModel(config, made)
    data = objective.data(make_split([[21, 30], [3], [6, 40, 12]]), TOKENIZER)
    nats = total = 0.0
    with torch.no_grad():
        for parts in data.batches(0):
            batch = data.collate(parts[0], 0)
            found = objective(made, batch)
            assert objective.units(batch)["lm"] == float(found.sums["bytes"]) == batch["labels"].numel()
            nats, total = nats + float(found.terms["lm"]), total + float(found.sums["bytes"])
    metrics = objective.metrics(LossTotals({"lm": nats / total}, {"bytes": total, "correct": 0.0}, {"lm": total}))
    assert metrics["bits_per_byte"] == pytest.approx(8.0) and metrics["loss"] == pytest.approx(8 * math.log(2))


def test_a_text_is_framed_byte_for_byte_as_the_paper_does():
    for text in ("良い。", "  two\nlines \t", "line\n"):
        expected = b"\n " + text.replace("\n", " ").strip().encode() + b" "
        encoding = TOKENIZER.encode(text)
        assert bytes(TOKENIZER.template.join(encoding.ids).ids) == expected
        assert TOKENIZER.encode_lines([text]).ids.tolist() == encoding.ids
        for index, (start, end) in zip(encoding.ids, encoding.offsets, strict=True):
            spelled = text[start:end].replace("\n", " ").encode()
            assert index in spelled
    assert TOKENIZER.vocab_size == 256 and TOKENIZER.decode([*"é".encode(), 32]) == "é "
    assert TOKENIZER.encode_words(["a", " "]).ids == [97, 32]


def test_a_tokenizer_without_special_tokens_is_stored_and_loaded(tmp_path):
    from jptransfer.text.tokenizers import load_tokenizer

    TOKENIZER.save(tmp_path)
    loaded = load_tokenizer(tmp_path)
    np.testing.assert_array_equal(loaded.encode_lines(["雨 ", "x"]).ids, TOKENIZER.encode_lines(["雨 ", "x"]).ids)
    assert loaded.vocab_size == 256 and loaded.template == TOKENIZER.template
