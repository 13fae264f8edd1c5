"""How inputs are padded for models of transformers that read padding, or want inputs of some length."""

from __future__ import annotations

import pytest
import torch
import transformers as tf
from transformers import AutoModelForSequenceClassification

from jptransfer.errors import ConfigError
from jptransfer.learners.padding import Padding, find_padding
from jptransfer.models.pretrained import quiet
from jptransfer.tasks.base import make_task
from jptransfer.text.tokenizers import load_tokenizer
from tests.families import FAMILIES, TINY, Family

TASK = make_task("classification", ["a", "b"])
BERT = FAMILIES["bert"].tokenizer


def loaded(folder, family):
    """Return a model with a head and its tokenizer."""
    quiet()
    family.save(folder)
    return AutoModelForSequenceClassification.from_pretrained(folder), load_tokenizer(folder)


def funnel(*sizes):
    return Family(FAMILIES["funnel"].tokenizer, lambda units: tf.FunnelForMaskedLM(tf.FunnelConfig(
        vocab_size=units, block_sizes=list(sizes), d_model=16, n_head=2, d_head=8, d_inner=32, num_decoder_layers=1)))


def reformer(**settings):
    return Family(BERT, lambda units: tf.ReformerForMaskedLM(tf.ReformerConfig(
        vocab_size=units, is_decoder=False, hidden_size=16, attn_layers=["local", "lsh"], num_attention_heads=2,
        attention_head_size=8, feed_forward_size=32, max_position_embeddings=64, lsh_attn_chunk_length=4,
        local_attn_chunk_length=4, num_buckets=4, num_hashes=1, hash_seed=0, pad_token_id=0, **settings)))


@pytest.mark.parametrize(("sizes", "mixed"), [((1, 1), True), ((2, 2, 2), False), ((1, 1, 1, 1), False)])
def test_several_poolings_read_padding(tmp_path, sizes, mixed):
    model, tokenizer = loaded(tmp_path, funnel(*sizes))
    assert find_padding(model, TASK, tokenizer, 128).mixed is mixed


def test_random_numbers_and_mode_stay(tmp_path):
    model, tokenizer = loaded(tmp_path, FAMILIES["bert"])
    state = torch.random.get_rng_state()
    assert find_padding(model.train(), TASK, tokenizer, 32, training=True) == Padding()
    assert torch.equal(torch.random.get_rng_state(), state) and model.training


@pytest.mark.parametrize(("settings", "multiple"), [
    ({"axial_pos_shape": [8, 8], "axial_pos_embds_dim": [8, 8]}, 64), ({"axial_pos_embds": False}, 4)])
def test_reformer_trains_on_multiples_of_its_chunks(tmp_path, settings, multiple):
    model, tokenizer = loaded(tmp_path, reformer(**settings))
    assert find_padding(model, TASK, tokenizer, 40, training=True).multiple == multiple
    assert find_padding(model, TASK, tokenizer, 40).multiple == 1


def test_a_model_that_cannot_read_is_one_line(tmp_path):
    nystrom = Family(BERT, lambda units: tf.NystromformerForMaskedLM(tf.NystromformerConfig(
        vocab_size=units, max_position_embeddings=64, num_landmarks=16, segment_means_seq_len=64, pad_token_id=0,
        **TINY)))
    model, tokenizer = loaded(tmp_path, nystrom)
    with pytest.raises(ConfigError, match="NystromformerForSequenceClassification cannot read texts") as caught:
        find_padding(model, TASK, tokenizer, 32)
    assert "\n" not in str(caught.value)
