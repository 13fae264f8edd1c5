"""Sampling to a budget and splitting by hash."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jptransfer.corpora.selection import priorities, shares, split_codes, threshold


def digests(count: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 1 << 64, (count, 2), dtype=np.uint64)


@given(st.lists(st.integers(1, 500), min_size=1, max_size=200), st.integers(0, 60_000), st.integers(1, 50))
def test_threshold_fills_the_budget_as_a_full_sort_would(sizes, budget, piece):
    order = priorities(digests(len(sizes)), 3, "sample")
    size = np.array(sizes, np.uint32)

    def chunks():
        for start in range(0, len(sizes), piece):
            yield order[start:start + piece], size[start:start + piece]

    limit = threshold(chunks, budget)
    ranked = np.argsort(order)
    fitting = ranked[np.cumsum(size[ranked]) <= budget]
    chosen = np.flatnonzero([int(value) < limit for value in order])
    assert set(chosen) == set(fitting)


def test_sample_is_uniform_and_independent_of_the_split():
    chosen = digests(200_000)
    inside = priorities(chosen, 0, "sample") < np.uint64(1 << 62)
    dev = split_codes(chosen, 0, [0.1, 0.2]) == 1
    assert inside.mean() == pytest.approx(0.25, abs=0.005)
    assert dev[inside].mean() == pytest.approx(0.1, abs=0.005)


def test_splits_have_their_shares_and_follow_seed_and_text_alone():
    some = digests(100_000)
    codes = split_codes(some, 0, [0.05, 0.1])
    assert np.bincount(codes) / len(codes) == pytest.approx([0.85, 0.05, 0.1], abs=0.005)
    assert (split_codes(some[::2], 0, [0.05, 0.1]) == codes[::2]).all()
    assert (split_codes(some, 1, [0.05, 0.1]) != codes).mean() > 0.1


@pytest.mark.parametrize(("sizes", "weights", "limits", "budget", "expected"), [
    ({"a": 100, "b": 50}, {"a": 1, "b": 1}, {"a": None, "b": None}, None, {"a": 100, "b": 50}),
    ({"a": 100, "b": 50}, {"a": 1, "b": 1}, {"a": 30, "b": None}, None, {"a": 30, "b": 50}),
    ({"a": 1000, "b": 1000}, {"a": 3, "b": 1}, {"a": None, "b": None}, 400, {"a": 300, "b": 100}),
    ({"a": 1000, "b": 20}, {"a": 1, "b": 1}, {"a": None, "b": None}, 400, {"a": 380, "b": 20}),
    ({"a": 1000, "b": 1000, "c": 10}, {"a": 1, "b": 1, "c": 2}, {"a": 50, "b": None, "c": None}, 400,
     {"a": 50, "b": 340, "c": 10}),
    ({"a": 1000, "b": 1000}, {"a": 1, "b": 0}, {"a": None, "b": None}, 400, {"a": 400, "b": 0}),
])
def test_shares(sizes, weights, limits, budget, expected):
    assert shares(sizes, weights, limits, budget) == expected
