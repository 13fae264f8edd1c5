import pytest
import torch
from transformers import BertConfig

from jptransfer.config import HeadConfig
from jptransfer.models.encoder import Encoded
from jptransfer.models.heads.concat_pooling import ConcatPoolingHead
from jptransfer.models.heads.concat_pooling_settings import ConcatPoolingHeadConfig

WIDTH = 6
MASK = torch.tensor([[1, 1, 1, 1], [1, 1, 0, 0], [1, 1, 1, 0]]).bool()


def head(**settings) -> ConcatPoolingHead:
    torch.manual_seed(0)
    config = HeadConfig("concat_pooling", 0.0, concat_pooling=ConcatPoolingHeadConfig(**{"width": 5, **settings}))
    return ConcatPoolingHead(config, BertConfig(hidden_size=WIDTH), 2)


def encoded(states: torch.Tensor, mask: torch.Tensor) -> Encoded:
    return Encoded((states,), mask)


def states() -> torch.Tensor:
    return torch.randn(3, 4, WIDTH, generator=torch.Generator().manual_seed(1))


def normalised(values: torch.Tensor) -> torch.Tensor:
    return (values - values.mean(0)) / (values.var(0, unbiased=False) + 1e-5).sqrt()


def test_training_by_hand():
    model, texts = head(input_dropout=0.0).train(), [row[mask] for row, mask in zip(states(), MASK, strict=True)]
    pooled = torch.stack([torch.cat([text[-1], text.amax(0), text.mean(0)]) for text in texts])
    first, second = model.hidden[2], model.output[2]
    hidden = (normalised(pooled) @ first.weight.T + first.bias).relu()
    expected = normalised(hidden) @ second.weight.T + second.bias
    torch.testing.assert_close(model(encoded(states(), MASK)).logits, expected)


def test_in_evaluation_a_text_is_scored_alike_in_any_batch():
    model = head().train()
    for _ in range(3):
        model(encoded(states() * 2 + 1, MASK))
    model.eval()
    together = model(encoded(states(), MASK)).logits
    for row, mask, expected in zip(states(), MASK, together, strict=True):
        alone = model(encoded(row[mask][None], mask[mask][None])).logits[0]
        torch.testing.assert_close(alone, expected)


def test_a_batch_of_one_trains_by_the_running_statistics():
    model = head(input_dropout=0.0).train()
    alone = model(encoded(states()[:1], MASK[:1])).logits
    torch.testing.assert_close(alone, model.eval()(encoded(states()[:1], MASK[:1])).logits)
    assert (model.hidden[0].running_mean == 0).all()


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_dropout_of_the_pooled_states(share):
    model = head(input_dropout=share).train()
    model(encoded(states(), MASK)).logits.sum().backward()
    assert bool(model.hidden[2].weight.grad.any()) == (share < 1)
