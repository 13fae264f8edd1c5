from types import SimpleNamespace

import pytest
import torch

from jptransfer.config import ModelConfig
from jptransfer.errors import ConfigError
from jptransfer.models.encoder import encode
from jptransfer.models.encoders.onehot import configuration
from jptransfer.models.encoders.onehot_settings import OnehotModelConfig
from tests.models.vectors import VOCAB, task_model

IDS = torch.tensor([[2, 5, VOCAB - 1, 1, 3, 0], [2, 7, 3, 0, 0, 0]])


def test_states_are_rows_of_the_identity_and_special_tokens_are_zero():
    found = encode(task_model("onehot", "kim_cnn"), {"input_ids": IDS, "attention_mask": (IDS != 0).long()})
    rows = torch.eye(VOCAB - 5)
    nothing = torch.zeros(VOCAB - 5)
    assert torch.equal(found.last[0], torch.stack([nothing, rows[0], rows[-1], nothing, nothing, nothing]))
    assert torch.equal(found.last[1, 1], rows[2]) and found.last[1].sum() == 1


def test_what_is_masked_is_zero_whatever_its_id():
    found = encode(task_model("onehot", "kim_cnn"), {"input_ids": IDS, "attention_mask": torch.zeros_like(IDS)})
    assert not found.last.any()


def test_bytes_have_256_dimensions_and_large_vocabularies_are_refused():
    config = ModelConfig("onehot", onehot=OnehotModelConfig(300))
    assert configuration(config, 261, 0).hidden_size == 256
    with pytest.raises(ConfigError, match=r"^model\.onehot\.most_units=300, but the tokenizer has 32,000 units"):
        configuration(config, 32_000, 0)


def test_a_tokenizer_with_special_tokens_elsewhere_is_refused():
    other = SimpleNamespace(pad_id=0, unk_id=100, cls_id=101, sep_id=102, mask_id=103)
    with pytest.raises(ConfigError, match="tokenizer=byte"):
        task_model("onehot", "kim_cnn").encoder.start_from(ModelConfig("onehot"), other)
