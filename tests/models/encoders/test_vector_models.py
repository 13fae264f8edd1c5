"""What holds for every encoder over unit vectors with every head it feeds."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn.functional import cross_entropy

from jptransfer.config import HeadConfig
from jptransfer.errors import ConfigError
from jptransfer.models.encoders.embedding_settings import Vectors
from jptransfer.models.heads.bcn_settings import BcnHeadConfig
from jptransfer.models.heads.kim_cnn_settings import KimCnnHeadConfig
from jptransfer.models.heads.pooled_settings import PooledHeadConfig, Pooling
from jptransfer.models.heads.rcnn_settings import RcnnHeadConfig
from jptransfer.models.heads.self_attention_settings import SelfAttentionHeadConfig
from jptransfer.models.heads.temporal_cnn_settings import TemporalCnnHeadConfig
from jptransfer.models.task_models import load_task_model, save_task_model, task_output
from jptransfer.tasks.classification import Classification
from jptransfer.transfer.groups import freeze, layer_groups
from tests.models.vectors import PAIRS, alone, batch, check_groups, task_model

pytestmark = pytest.mark.slow

SMALL = {"bcn": BcnHeadConfig(input_dropout=0.0, hidden=6, feedforward_dropout=0.0, maxout=[8, 6],
                              maxout_dropouts=[0.0, 0.0], pool=2),
         "kim_cnn": KimCnnHeadConfig([3, 4, 5], 7), "self_attention": SelfAttentionHeadConfig(6, 3, 1.0, 8),
         "rcnn": RcnnHeadConfig(7), "pooled": PooledHeadConfig(Pooling.max),
         "temporal_cnn": TemporalCnnHeadConfig(24, [2, 3], 6, hidden=9)}

GROUPS = {"embedding": ["embeddings", "head"], "onehot": ["head"],
          "glyph": ["layer.0", "layer.1", "layer.2", "head"]} | dict.fromkeys(
    ["rnn", "lstm", "super_characters"], ["embeddings", "layer.0", "layer.1", "head"])


def small_head(name: str, dropout: float = 0.0) -> HeadConfig:
    return HeadConfig(name, dropout, **{name: SMALL[name]})


@pytest.mark.parametrize(("architecture", "head"), PAIRS)
@settings(max_examples=12)
@given(lengths=st.lists(st.integers(1, 9), min_size=1, max_size=5), extra=st.integers(0, 12))
def test_a_text_has_the_same_logits_alone_and_in_any_batch(architecture, head, lengths, extra):
    model = task_model(architecture, small_head(head)).eval()
    inputs = batch(lengths, extra)
    with torch.no_grad():
        together = task_output(model, inputs)
        for row in range(len(lengths)):
            single = task_output(model, alone(inputs, row))
            torch.testing.assert_close(together.logits[row], single.logits[0], rtol=1e-5, atol=1e-6)
            if single.penalty is not None:
                torch.testing.assert_close(together.penalty[row], single.penalty[0], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(("architecture", "head"), PAIRS)
def test_saved_and_loaded_gives_the_same_logits(tmp_path, architecture, head):
    model = task_model(architecture, small_head(head)).eval()
    save_task_model(model, tmp_path)
    again = load_task_model(tmp_path, Classification.output, small_head(head)).eval()
    inputs = batch([5, 3])
    assert torch.equal(task_output(again, inputs).logits, task_output(model, inputs).logits)


@pytest.mark.parametrize(("architecture", "head"), PAIRS)
def test_overfits_32_examples(architecture, head):
    torch.manual_seed(0)
    model = task_model(architecture, small_head(head)).train()
    inputs, labels = batch([3 + row % 7 for row in range(32)]), torch.arange(32) % 3
    optimizer = torch.optim.Adam(model.parameters(), 0.02)
    for _ in range(150):
        output = task_output(model, inputs)
        loss = cross_entropy(output.logits, labels)
        (loss if output.penalty is None else loss + 0.01 * output.penalty.mean()).backward()
        optimizer.step()
        optimizer.zero_grad()
        if loss < 0.05:
            return
    pytest.fail(f"loss {loss:.3f} after 150 updates")


@pytest.mark.parametrize(("architecture", "head"), PAIRS)
def test_gradients_reach_what_learns_and_nothing_frozen(architecture, head):
    model = task_model(architecture, small_head(head)).train()
    groups = layer_groups(model)
    assert list(groups) == GROUPS[architecture]
    freeze(groups, [name for name in groups if name == "embeddings"])
    task_output(model, batch([6, 4])).logits.square().sum().backward()
    reached = {group: [bool(p.grad is not None and p.grad.any()) for p in members.values()]
               for group, members in groups.items()}
    assert not any(reached.pop("embeddings", []))
    assert all(all(one) for one in reached.values())


@pytest.mark.parametrize("architecture", ["embedding", "onehot", "glyph", "super_characters", "rnn", "lstm"])
def test_taggers_score_every_token(architecture):
    model = task_model(architecture, kind="ner").eval()
    inputs = batch([4, 2])
    together, single = task_output(model, inputs).logits, task_output(model, alone(inputs, 1)).logits
    assert together.shape == (2, 4, 3)
    torch.testing.assert_close(together[1, :2], single[0], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("architecture", ["embedding", "onehot", "glyph", "super_characters", "rnn", "lstm"])
def test_the_registry_knows_the_layer_groups(architecture):
    check_groups(architecture, task_model(architecture))


@pytest.mark.parametrize(("architecture", "settings"), [("embedding", {}), ("lstm", {"both": False})])
def test_rcnn_needs_both_directions(architecture, settings):
    with pytest.raises(ConfigError, match="both directions"):
        task_model(architecture, "rcnn", **settings)


@pytest.mark.parametrize("mode", Vectors)
def test_frozen_tables_are_saved_and_never_learn(tmp_path, mode):
    model = task_model("embedding", small_head("kim_cnn"), mode=mode)
    names = {name for name, _ in model.encoder.named_parameters()}
    assert names == (set() if mode is Vectors.static else {"table.learning"})
    freeze(layer_groups(model), [])
    save_task_model(model, tmp_path)
    again = load_task_model(tmp_path, Classification.output, small_head("kim_cnn"))
    assert all(torch.equal(value, again.state_dict()[name]) for name, value in model.state_dict().items())
    assert len(model.encoder.table.tables()) == (2 if mode is Vectors.multichannel else 1)
