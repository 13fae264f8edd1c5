import pytest
from transformers import BertConfig

from jptransfer.errors import ConfigError
from jptransfer.models.dropout import set_dropouts


def test_values_then_the_factor():
    config = BertConfig(hidden_dropout_prob=0.1, attention_probs_dropout_prob=0.2)
    set_dropouts(config, {"attention_probs_dropout_prob": 0.4}, 0.5)
    assert (config.hidden_dropout_prob, config.attention_probs_dropout_prob) == (0.05, 0.2)
    set_dropouts(config, {}, 100.0)
    assert (config.hidden_dropout_prob, config.attention_probs_dropout_prob, config.classifier_dropout) == (1, 1, None)


def test_a_wrong_name_lists_those_there_are():
    with pytest.raises(ConfigError, match=r"did you mean 'hidden_dropout_prob'\?\); there are: attention_probs"):
        set_dropouts(BertConfig(), {"hidden_dropout": 0.1}, 1.0)
