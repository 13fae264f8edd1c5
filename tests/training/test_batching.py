import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jptransfer.training.batching import alike_batches, padding_share, token_batches
from tests.training.tiny import example_batches

LENGTHS = st.lists(st.integers(1, 60), min_size=0, max_size=200).map(np.array)


def flat(batches):
    return sorted(int(i) for batch in batches for part in batch for i in part)


@given(LENGTHS, st.integers(8, 600), st.integers(1, 5), st.integers(0, 3))
def test_every_example_once_within_the_budget(lengths, batch_tokens, parts, epoch):
    batches = token_batches(lengths.astype(int), batch_tokens, parts, 0, epoch)
    assert flat(batches) == list(range(len(lengths)))
    assert all(len(batch) <= parts for batch in batches)
    for part in (part for batch in batches for part in batch):
        assert len(part) == 1 or len(part) * lengths[part].max() <= batch_tokens // parts


@given(LENGTHS, st.integers(1, 40), st.integers(1, 5))
def test_example_batches_hold_every_example_once(lengths, size, parts):
    batches = example_batches(lengths, size, parts, 3)
    assert flat(batches) == list(range(len(lengths)))
    assert all(sum(map(len, batch)) == size for batch in batches[:-1])


@given(LENGTHS, st.integers(1, 40))
def test_alike_batches_hold_every_example_once(lengths, size):
    batches = alike_batches(lengths, size, 3)
    assert flat(batches) == list(range(len(lengths)))
    assert sorted(len(part) for batch in batches for part in batch)[1:] == [size] * (len(batches) - 1)


def test_next_to_no_padding_and_an_order_of_its_own_for_every_epoch():
    lengths = np.random.default_rng(0).geometric(1 / 34, 20_000).clip(3, 128)
    first, again, other = (token_batches(lengths, 4096, 4, 0, epoch) for epoch in (0, 0, 1))
    assert padding_share(lengths, first) < 0.02
    assert [p.tolist() for b in first for p in b] == [p.tolist() for b in again for p in b]
    assert [p.tolist() for b in first for p in b] != [p.tolist() for b in other for p in b]
    tokens = [sum(lengths[p].sum() for p in batch) for batch in first[:-1]]
    assert np.mean(tokens) == pytest.approx(4096, rel=0.05)


def test_padding_share_by_hand():
    assert padding_share(np.array([2, 4, 3]), [[np.array([0, 1]), np.array([2])]]) == pytest.approx(2 / 11)
