"""The mixture of layers, and heads on ELMo, which read it."""

import numpy as np
import pytest
import torch
from torch.nn.functional import cross_entropy

from jptransfer.config import HeadConfig, ModelConfig
from jptransfer.errors import ConfigError
from jptransfer.models.encoder import encode
from jptransfer.models.encoders.awd_lstm_settings import AwdLstmModelConfig
from jptransfer.models.encoders.bert_settings import BertModelConfig
from jptransfer.models.heads.bcn_settings import BcnHeadConfig
from jptransfer.models.heads.pooled_settings import PooledHeadConfig, Pooling
from jptransfer.models.layers.scalar_mix import ScalarMix
from jptransfer.models.pretrained import fresh_configuration, save_language_model
from jptransfer.models.task_models import fresh_head, load_task_model, save_task_model, task_output
from jptransfer.tasks.base import load_kind
from jptransfer.tasks.classification import Classification
from jptransfer.transfer.groups import freeze, layer_groups
from tests.models.spelt import TOKENIZER, batch, language_model, model_config, text, word
from tests.training import tiny

pytestmark = pytest.mark.slow

BCN = HeadConfig("bcn", 0.0, bcn=BcnHeadConfig(input_dropout=0.0, hidden=6, feedforward_dropout=0.0, maxout=[8, 6],
                                               maxout_dropouts=[0.0, 0.0], pool=2))
MEAN = HeadConfig("pooled", 0.0, pooled=PooledHeadConfig(Pooling.mean))


def task_model(head, kind="classification", source=None, **changes):
    source = source or fresh_configuration(model_config(**changes), TOKENIZER)
    return fresh_head(source, load_kind(kind).output, ["a", "b", "c"], head, 0)


def test_mixture_by_hand():
    mix = ScalarMix(3)
    states = [torch.randn(2, 4, 5) for _ in range(3)]
    torch.testing.assert_close(mix(states), sum(states) / 3)
    with torch.no_grad():
        mix.weights[:] = torch.tensor([0.5, -1.0, 2.0])
        mix.gamma.fill_(0.7)
    shares = np.exp([0.5, -1.0, 2.0]) / np.exp([0.5, -1.0, 2.0]).sum()
    expected = 0.7 * sum(share * part.numpy() for share, part in zip(shares, states, strict=True))
    np.testing.assert_allclose(mix(states).detach(), expected, rtol=1e-5)


def test_heads_on_elmo_read_the_mixture_unless_told_otherwise():
    inputs = batch(text(5), text(9, 1))
    model = task_model(MEAN).eval()
    states = encode(model, inputs)
    means = (states.states[0] + states.states[1] + states.states[2]).sum(1) / 3 / states.mask.sum(1, keepdim=True)
    torch.testing.assert_close(task_output(model, inputs).logits, model.head.head.classifier(means))
    top = task_model(HeadConfig("pooled", 0.0, scalar_mix=False, pooled=PooledHeadConfig(Pooling.mean))).eval()
    means = encode(top, inputs).last.sum(1) / states.mask.sum(1, keepdim=True)
    torch.testing.assert_close(task_output(top, inputs).logits, top.head.classifier(means))


@pytest.mark.parametrize("head", [BCN, MEAN], ids=["bcn", "pooled"])
def test_a_text_does_not_depend_on_its_batch(head):
    model = task_model(head).eval()
    texts = [text(4, 1), text(12, 2), [2, 3], [2, *word(1, "あ"), 3], text(300, 3)]
    with torch.no_grad():
        together = task_output(model, batch(*texts, longest=4000)).logits
        for row, one in enumerate(texts):
            torch.testing.assert_close(together[row], task_output(model, batch(one)).logits[0], atol=1e-5, rtol=1e-4)


def test_taggers_read_words_where_they_begin():
    model = task_model(HeadConfig("token", 0.0), "ner").eval()
    ids = [2, *word(7, "ab"), *word(1, "c"), 3]
    with torch.no_grad():
        scores = task_output(model, batch(ids, text(9))).logits
        states = model.head.mix(encode(model, batch(ids)).states)[0]
        expected = model.head.head.classifier(states)
    assert scores.shape[:2] == (2, len(text(9)))
    torch.testing.assert_close(scores[0, [0, 1, 4, 6]], expected)
    torch.testing.assert_close(scores[0, [2, 3, 5]], model.head.head.classifier.bias.expand(3, -1))


def test_saved_and_loaded(tmp_path):
    save_language_model(language_model(), tmp_path / "lm")
    inputs = batch(text(5), text(9, 1))
    model = task_model(BCN, source=tmp_path / "lm").eval()
    with torch.no_grad():
        model.head.mix.weights[1] = 1.0
    save_task_model(model, tmp_path / "task")
    again = load_task_model(tmp_path / "task", Classification.output, BCN).eval()
    assert torch.equal(task_output(again, inputs).logits, task_output(model, inputs).logits)


@pytest.mark.parametrize("frozen", [[], ["encoder"], ["embeddings", "layer.0"]])
def test_gradients_reach_what_learns_and_nothing_frozen(frozen):
    model = task_model(BCN).train()
    groups = layer_groups(model)
    assert list(groups) == ["embeddings", "layer.0", "layer.1", "head"]
    still = freeze(groups, frozen)
    task_output(model, batch(text(6), text(9, 1))).logits.square().sum().backward()
    for name, parameters in groups.items():
        for parameter in parameters.values():
            assert (parameter.grad is None) == (name in still)
            assert parameter.grad is None or parameter.grad.any()
    assert model.head.mix.weights.grad.any() and model.head.mix.gamma.grad.any()


@pytest.mark.parametrize("frozen", [[], ["encoder"]])
def test_overfits_32_examples(frozen):
    torch.manual_seed(0)
    model = task_model(BCN).train()
    freeze(layer_groups(model), frozen)
    inputs, labels = batch(*(text(3 + row % 7, row) for row in range(32))), torch.arange(32) % 3
    optimizer = torch.optim.Adam([p for p in model.parameters() if p.requires_grad], 0.02)
    for _ in range(400):
        loss = cross_entropy(task_output(model, inputs).logits, labels)
        if loss < 0.05:
            return
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    pytest.fail(f"loss {loss:.3f} after 400 updates")


def test_bcn_and_mixture_on_other_encoders():
    bert = fresh_configuration(ModelConfig(bert=BertModelConfig(2, 8, 2, 16, 40)), tiny.TOKENIZER)
    inputs = {"input_ids": torch.randint(5, 30, (2, 6)), "attention_mask": torch.tensor([[1] * 6, [1] * 4 + [0] * 2])}
    mixed = HeadConfig("bcn", 0.0, scalar_mix=True, bcn=BCN.bcn)
    model = task_model(mixed, source=bert).eval()
    assert len(model.head.mix.weights) == 3
    alone = {name: tensor[1:, :4] for name, tensor in inputs.items()}
    torch.testing.assert_close(task_output(model, inputs).logits[1], task_output(model, alone).logits[0],
                               atol=1e-5, rtol=1e-4)
    with pytest.raises(ConfigError, match=r"head\.scalar_mix: .*encoder\.head\.name=pooled"):
        task_model(HeadConfig(scalar_mix=True), source=bert)
    size = AwdLstmModelConfig(layers=2, embedding=6, hidden=9)
    awd = fresh_configuration(ModelConfig("awd_lstm", awd_lstm=size), tiny.TOKENIZER)
    model = task_model(mixed, source=awd)
    with pytest.raises(ConfigError, match="needs 3 layers of one width; this encoder has layers of 6, 9, 6"):
        task_output(model, inputs)
    assert task_output(task_model(BCN, source=awd), inputs).logits.shape == (2, 3)
