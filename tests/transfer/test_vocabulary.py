import numpy as np
import pytest
import torch
from transformers import AutoModelForCausalLM, AutoModelForMaskedLM, BertConfig, GPT2Config, RobertaConfig

from jptransfer.config import NewTokenInit, TokenizerConfig
from jptransfer.errors import ConfigError
from jptransfer.text.tokenizers import train_tokenizer
from jptransfer.transfer.vocabulary import Alignment, align, convert

OLD, NEW = "あいうえおか", "うかきくあ"
SIZES = {"hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16}
# [PAD] [UNK] [CLS] [SEP] [MASK], then the new units in the order of their frequency, all alike: in code order.
SOURCE = [0, 1, 2, 3, 4, 5, 7, 10, -1, -1]


def units(text: str):
    return train_tokenizer(TokenizerConfig(kind="character", vocab_size=30, min_frequency=1), [text])


def model(family: str):
    torch.manual_seed(0)
    if family == "gpt2":
        sizes = {"n_embd": 8, "n_layer": 1, "n_head": 2, "n_positions": 11}
        return AutoModelForCausalLM.from_config(GPT2Config(vocab_size=11, **sizes))
    if family == "untied":
        return AutoModelForMaskedLM.from_config(BertConfig(vocab_size=11, tie_word_embeddings=False, **SIZES))
    make = {"bert": BertConfig, "roberta": RobertaConfig}[family]
    # As many positions as units: they must not be taken for units.
    found = AutoModelForMaskedLM.from_config(make(vocab_size=11, max_position_embeddings=11, **SIZES))
    torch.nn.init.normal_(found.get_output_embeddings().bias)
    return found


def test_units_are_found_by_their_text_and_special_ones_by_what_they_are_for():
    alignment = align(units(OLD), units(NEW))
    assert alignment.source.tolist() == SOURCE
    ids = np.array([5, 5, 8, 1, 9])
    assert alignment.covered(ids) == 0.6
    assert alignment.describe(ids) == {"units": 10, "shared": 8, "missing": 2, "tokens_covered": 0.6}


class Renamed:
    """A tokenizer made elsewhere: other names and places of special tokens, and no mask."""

    tokens = ("<s>", "<pad>", "</s>", "い", "<unk>")
    cls_id, pad_id, sep_id, unk_id = 0, 1, 2, 4
    vocab_size = 5

    @property
    def mask_id(self):
        raise ConfigError("no mask")

    def token(self, index):
        return self.tokens[index]

    def id(self, token):
        return self.tokens.index(token) if token in self.tokens else self.unk_id


def test_a_vocabulary_made_elsewhere():
    assert align(Renamed(), units("いろ")).source.tolist() == [1, 4, 0, 2, -1, 3, -1]
    assert align(units("いろ"), Renamed()).source.tolist() == [2, 0, 3, 5, 1]


@pytest.mark.parametrize("missing", NewTokenInit)
@pytest.mark.parametrize("family", ["bert", "roberta", "gpt2", "untied"])
def test_rows_by_hand(family, missing):
    old, source = model(family), torch.tensor(SOURCE)
    torch.manual_seed(3)
    new = convert(old, Alignment(np.array(SOURCE), 11), missing, pad_id=0)
    assert new.config.vocab_size == 10 and new.config.pad_token_id == 0
    tables = [(m.get_input_embeddings().weight, m.get_output_embeddings().weight) for m in (old, new)]
    for before, after in zip(*tables, strict=True):
        assert torch.equal(after[:8], before[source[:8]])
        means = torch.equal(after[8:], before.mean(0).expand(2, -1))
        assert means == (missing is NewTokenInit.mean)
        assert missing is NewTokenInit.mean or not torch.equal(after[8], after[9])
    if family in ("bert", "roberta"):
        bias = old.get_output_embeddings().bias
        assert torch.equal(new.get_output_embeddings().bias[:8], bias[source[:8]])
        expected = bias.mean() if missing is NewTokenInit.mean else torch.tensor(0.0)
        torch.testing.assert_close(new.get_output_embeddings().bias[8:], expected.expand(2))
    tied = family != "untied"
    assert (new.get_input_embeddings().weight is new.get_output_embeddings().weight) == tied
    same = {name for name, value in old.state_dict().items() if value.shape == new.state_dict()[name].shape}
    assert same and all(torch.equal(old.state_dict()[name], new.state_dict()[name]) for name in same)
    assert not any("word_embeddings" in name or "wte" in name for name in same)


def test_the_same_vocabulary_changes_nothing():
    old = model("bert")
    new = convert(old, align(units(OLD), units(OLD)), NewTokenInit.mean, 0)
    assert all(torch.equal(value, new.state_dict()[name]) for name, value in old.state_dict().items())


def test_padded_rows_take_no_part_in_the_mean():
    old = model("bert")
    new = convert(old, Alignment(np.array([0, -1]), 7), NewTokenInit.mean, 0)
    expected = old.get_input_embeddings().weight[:7].mean(0)
    assert torch.equal(new.get_input_embeddings().weight[1], expected)
