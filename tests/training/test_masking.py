import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jptransfer.config import ObjectiveConfig
from jptransfer.training.masking import choose_positions, prediction_budget, replace


def greedy(words: list[list[int]], keys: np.ndarray, budget: int) -> set[int]:
    """BERT's `create_masked_lm_predictions` in plain Python."""
    chosen: set[int] = set()
    for word in sorted(words, key=lambda word: keys[word[0]]):
        if len(chosen) + len(word) <= budget:
            chosen |= set(word)
    return chosen


@given(st.integers(0, 10_000), st.integers(1, 6), st.integers(3, 40))
def test_chooses_as_the_plain_algorithm_does(seed, rows, width):
    random = np.random.default_rng(seed)
    lengths = random.integers(1, width, rows)
    maskable = (np.arange(width) > 0) & (np.arange(width) <= lengths[:, None])
    maskable[:, width // 2] &= random.random(rows) < 0.5  # a [SEP] in the middle
    starts = maskable & ((random.random((rows, width)) < 0.5) | ~np.roll(maskable, 1, axis=1))
    budget, keys = random.integers(0, 9, rows), random.random((rows, width))
    chosen = choose_positions(starts, maskable, budget, keys)
    for row in range(rows):
        words: list[list[int]] = []
        for column in np.flatnonzero(maskable[row]).tolist():
            if starts[row, column]:
                words.append([])
            words[-1].append(column)
        assert set(np.flatnonzero(chosen[row]).tolist()) == greedy(words, keys[row], budget[row])


def test_budget_is_the_rounded_share_at_least_one_at_most_the_limit():
    tokens = np.array([0, 1, 3, 10, 100, 126, 200])
    assert prediction_budget(tokens, ObjectiveConfig(max_predictions=20)).tolist() == [0, 1, 1, 2, 15, 19, 20]
    assert prediction_budget(tokens, ObjectiveConfig()).tolist() == [0, 1, 1, 2, 15, 19, 30]


def test_eighty_ten_ten():
    random = np.random.default_rng(0)
    ids = np.full(200_000, 7)
    seen = replace(ids, ObjectiveConfig(), 4, 1000, random.random(len(ids)), random.random(len(ids)))
    assert (seen == 4).mean() == pytest.approx(0.8, abs=0.005)
    assert (seen == 7).mean() == pytest.approx(0.1, abs=0.005)
    others = seen[(seen != 4) & (seen != 7)]
    assert len(others) / len(ids) == pytest.approx(0.1, abs=0.005)
    assert set(others) >= set(range(10, 1000)) and others.max() == 999
