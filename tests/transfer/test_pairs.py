"""Taggers of every architecture as source and as target of every other one: what is copied, told and refused."""

from dataclasses import dataclass
from functools import cache
from itertools import product

import numpy as np
import pytest
import torch
from transformers import BertConfig

from jptransfer.config import HeadConfig, ModelConfig, TokenizerConfig
from jptransfer.errors import ConfigError
from jptransfer.models.encoders.awd_lstm_settings import AwdLstmModelConfig, Cell
from jptransfer.models.layers.word_rows import set_char_vocab
from jptransfer.models.task_models import fresh_head
from jptransfer.registry import MODELS
from jptransfer.tasks.ner import EntityRecognition
from jptransfer.text.tokenizers import train_tokenizer
from jptransfer.text.views_settings import CharacterView
from jptransfer.transfer.copying import TaskNet, copy_groups
from jptransfer.transfer.groups import weight_groups
from tests.models import spelt
from tests.models.tagger import SIZE, words_tokenizer
from tests.models.vectors import model_config

pytestmark = pytest.mark.slow

THEIRS, OURS = ["ORG", "PER", "LOC"], ["LOC", "MISC", "PER"]
TEXTS = ("あいうえおかきさしす ab", "うかきくあけこせ ac")
GROUPS = {
    "bert": ["embeddings", "layer.0", "layer.1"], "awd_lstm": ["embeddings", "layer.0", "layer.1"],
    "qrnn": ["embeddings", "layer.0", "layer.1"], "elmo": ["embeddings", "layer.0", "layer.1"],
    "embedding": ["embeddings"], "onehot": [], "glyph": ["layer.0", "layer.1", "layer.2"],
    "super_characters": ["embeddings", "layer.0", "layer.1"], "rnn": ["embeddings", "layer.0", "layer.1"],
    "lstm": ["embeddings", "layer.0", "layer.1"], "bilstm_tagger": ["char", "word"],
}
TABLES = {"embedding", "rnn", "lstm"}, {"awd_lstm", "qrnn"}
"""Architectures whose embeddings are the same kind of table."""
MIXED = "elmo"
"""Its head reads a mixture of all layers, and so has weights that other heads lack."""
BY_UNIT = {"table.learning", "embeddings.word_embeddings.weight", "embeddings.weight", "characters.table.learning"}
"""Weights that have a row a unit."""


@dataclass(frozen=True)
class Made:
    """A tagger to take from or to give to, and how another one like it is made."""

    net: TaskNet
    make: object

    def width(self):
        return self.net.encoder.config.hidden_size


@cache
def units(architecture, text):
    if architecture == "elmo":
        return words_tokenizer([text], CharacterView.bytes)
    if architecture == "bilstm_tagger":
        return words_tokenizer([text])
    return train_tokenizer(TokenizerConfig(kind="character", vocab_size=40, min_frequency=1), [text])


def configuration(architecture, tokenizer):
    if architecture == "bert":
        return BertConfig(vocab_size=tokenizer.vocab_size, hidden_size=10, num_hidden_layers=2, num_attention_heads=2,
                          intermediate_size=16, max_position_embeddings=13)
    if architecture in ("awd_lstm", "qrnn"):
        cell = Cell.qrnn if architecture == "qrnn" else Cell.lstm
        config = ModelConfig("awd_lstm", awd_lstm=AwdLstmModelConfig(layers=2, embedding=10, hidden=9, cell=cell))
        architecture = "awd_lstm"
    elif architecture == "elmo":
        config = spelt.model_config()
    elif architecture == "bilstm_tagger":
        config = ModelConfig("bilstm_tagger", bilstm_tagger=SIZE)
    else:
        config = model_config(architecture)
    return MODELS.load(architecture)(config, tokenizer.vocab_size, tokenizer.pad_id)


def made(architecture, text, labels, seed, head="token"):
    tokenizer, task = units(architecture, text), EntityRecognition(labels)
    config, kind = configuration(architecture, tokenizer), HeadConfig(head, dropout=0.0)
    config = set_char_vocab(config, tokenizer) if architecture in ("elmo", "bilstm_tagger") else config
    net = TaskNet(fresh_head(config, task.output, task.outputs, kind, seed), tokenizer, task)
    generator = torch.Generator().manual_seed(seed)
    for value in net.model.state_dict().values():  # none is zero or one, so equality means a copy
        if value.is_floating_point():
            value.copy_(torch.randn(value.shape, generator=generator))
    return Made(net, lambda config, names: fresh_head(config, EntityRecognition.output, names, kind, 0))


def copies(source, target, group):
    """Whether a group can be copied: the two are of one kind."""
    tables = group == "embeddings" and any({source, target} <= tables for tables in TABLES)
    return source == target or tables


def row_of(target, source, name):
    """For each row of a weight of the target the source's, -1 where it stays fresh; None: all rows are as they are."""
    if ".classifier." in name:
        return [source.outputs.index(tag) if tag in source.outputs else -1 for tag in target.outputs]
    if name not in BY_UNIT:
        return None
    first = [net.tokenizer.first_character if name.startswith("characters.") else 0 for net in (target, source)]
    last = [net.tokenizer.first_character if hasattr(net.encoder, "unit_rows") and not first[side] else
            net.tokenizer.vocab_size for side, net in enumerate((target, source))]
    theirs = {source.tokenizer.token(unit): unit - first[1] for unit in range(first[1], last[1])}
    return [theirs.get(target.tokenizer.token(unit), -1) for unit in range(first[0], last[0])]


PAIRS = [(source, target) for source, target in product(GROUPS, repeat=2)
         if source == target or {*GROUPS[source], "head"} & {*GROUPS[target], "head"}]


@pytest.mark.parametrize(("source", "target"), PAIRS)
def test_every_group_that_two_taggers_share(source, target):
    theirs = TEXTS[source != "onehot"]
    for group in [one for one in [*GROUPS[target], "head"] if one in [*GROUPS[source], "head"]]:
        old, new = made(source, theirs, THEIRS, 1), made(target, TEXTS[0], OURS, 2)
        assert [*weight_groups(new.net.model)] == [*GROUPS[target], "head"]
        before = {name: value.clone() for name, value in new.net.model.state_dict().items()}
        counts = np.ones(new.net.tokenizer.vocab_size, int)
        heads = group == "head" and old.width() == new.width() and MIXED not in (source, target)
        fits = heads or copies(source, target, group)
        if not fits:
            with pytest.raises(ConfigError, match=r"transfer\.groups: ") as refused:
                copy_groups(old.net, new.net, [group], counts, new.make)
            assert "\n" not in str(refused.value)
            continue
        told = copy_groups(old.net, new.net, [group], counts, new.make)
        check(old.net, new.net, before, group, told)


def check(source, target, before, group, told):
    """Compare the target's weights with the source's row by row, and both with what is told."""
    theirs = {source.local(name): value for name, value in source.model.state_dict().items()}
    members = weight_groups(target.model)[group]
    assert set(told["groups"]) == {group}
    assert set(told["groups"][group]) == {target.local(name) for name in members}
    for name, value in target.model.state_dict().items():
        local = target.local(name)
        if name not in members:
            assert torch.equal(value, before[name]), name
            continue
        places = row_of(target, source, local)
        if places is None:
            assert torch.equal(value, theirs[local]), name
            places = [0] * (len(value) if value.ndim else 1)
        else:
            for row, own, place in zip(value, before[name], places, strict=True):
                assert torch.equal(row, theirs[local][place] if place >= 0 else own), name
        entry, copied = told["groups"][group][local], sum(place >= 0 for place in places)
        assert (entry["rows"], entry["copied"], entry["fresh"]) == (len(places), copied, len(places) - copied), name
        assert copied
