import pytest
import torch
from transformers import AutoConfig, AutoModelForSequenceClassification, AutoModelForTokenClassification

from jptransfer.errors import ConfigError
from jptransfer.transfer.groups import freeze, layer_groups, rate_factors, select
from tests.models.vectors import check_groups

SIZES = {"hidden_size": 8, "num_hidden_layers": 3, "num_attention_heads": 2, "intermediate_size": 16, "vocab_size": 20}
BODY = ["embeddings", "layer.0", "layer.1", "layer.2"]


def build(family: str, kind=AutoModelForSequenceClassification, **settings):
    return kind.from_config(AutoConfig.for_model(family, **{**SIZES, **settings}))


@pytest.mark.parametrize(("family", "settings", "names"), [
    ("bert", {}, [*BODY, "pooler", "head"]),
    ("roberta", {}, [*BODY, "head"]),
    ("electra", {"embedding_size": 4}, [*BODY, "head"]),
    ("deberta-v2", {"relative_attention": True, "position_buckets": 4}, [*BODY, "head"]),
    ("distilbert", {"dim": 8, "hidden_dim": 16, "n_layers": 3, "n_heads": 2}, [*BODY, "head"]),
    ("albert", {"embedding_size": 4}, ["embeddings", "layer.0", "pooler", "head"]),
])
def test_groups_of_any_encoder_in_order_and_every_parameter_once(family, settings, names):
    model = build(family, **settings)
    groups = layer_groups(model)
    assert list(groups) == names
    grouped = [id(parameter) for group in groups.values() for parameter in group.values()]
    assert sorted(grouped) == sorted(id(parameter) for parameter in model.parameters())


def test_the_registry_knows_the_groups_of_bert():
    check_groups("bert", build("bert"))


def test_a_token_classifier_has_no_pooler():
    assert list(layer_groups(build("bert", AutoModelForTokenClassification))) == [*BODY, "head"]


def test_a_model_names_its_own_groups():
    class Tagger(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.word, self.char = torch.nn.Linear(2, 2), torch.nn.Linear(2, 2)

        def parameter_group(self, name):
            return name.split(".")[0]

    assert list(layer_groups(Tagger())) == ["word", "char"]


@pytest.mark.parametrize(("patterns", "chosen"), [
    (["encoder"], [*BODY, "pooler"]),
    (["layer.0-1"], ["layer.0", "layer.1"]),
    (["layer.*"], ["layer.0", "layer.1", "layer.2"]),
    (["pooler", "embeddings"], ["embeddings", "pooler"]),
    ([], []),
])
def test_patterns(patterns, chosen):
    assert select(layer_groups(build("bert")), patterns) == chosen


@pytest.mark.parametrize(("pattern", "said"), [
    ("embedings", "did you mean 'embeddings'"),
    ("layer.1-7", "unknown layer group 'layer.3'"),
    ("layer.2-1", "is empty"),
    ("layer.0-999999999", "unknown layer group 'layer."),
])
def test_an_unknown_group_is_a_clear_error(pattern, said):
    with pytest.raises(ConfigError, match=f"^its setting: .*{said}"):
        select(layer_groups(build("bert")), [pattern], "its setting")


def test_freezing_can_be_taken_back():
    groups = layer_groups(build("bert"))
    assert freeze(groups, ["embeddings", "layer.0"]) == ["embeddings", "layer.0"]
    learning = [name for name, part in groups.items() if all(p.requires_grad for p in part.values())]
    assert learning == ["layer.1", "layer.2", "pooler", "head"]
    freeze(groups, [])
    assert all(p.requires_grad for part in groups.values() for p in part.values())


def test_rates_fall_from_the_top():
    groups = layer_groups(build("bert"))
    factors = rate_factors(groups, decay=0.5, head=3.0)
    assert list(factors.values()) == [0.5**4, 0.5**3, 0.5**2, 0.5, 1.0, 3.0]


@pytest.mark.parametrize(("pattern", "chosen"), [("last 1", ["head"]), ("last 3", ["layer.2", "pooler", "head"]),
                                                 ("last 99", [*BODY, "pooler", "head"])])
def test_the_topmost_groups(pattern, chosen):
    assert select(layer_groups(build("bert")), [pattern]) == chosen


def test_a_ladder_that_begins_at_the_head():
    factors = rate_factors(layer_groups(build("roberta")), 1 / 2.6, from_head=True)
    assert [factors[name] for name in [*BODY, "head"]] == pytest.approx([2.6**-4, 2.6**-3, 2.6**-2, 1 / 2.6, 1.0])
