import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jptransfer.objectives.masking import choose_positions, prediction_budget, replace
from jptransfer.objectives.mlm_settings import MlmConfig


def greedy(words: list[list[int]], keys: np.ndarray, budget: int) -> set[int]:
    """BERT's `create_masked_lm_predictions` in plain Python."""
    chosen: set[int] = set()
    for word in sorted(words, key=lambda word: keys[word[0]]):
        if len(chosen) + len(word) <= budget:
            chosen |= set(word)
    return chosen


def in_row(positions: np.ndarray, row: int, width: int) -> set[int]:
    return set((positions[positions // width == row] % width).tolist())


def random_bits(random: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    return random.integers(0, 1 << 64, shape, np.uint64)


@given(st.integers(0, 10_000), st.integers(1, 6), st.integers(3, 40))
def test_chooses_as_the_plain_algorithm_does(seed, rows, width):
    random = np.random.default_rng(seed)
    lengths = random.integers(1, width, rows)
    maskable = (np.arange(width) > 0) & (np.arange(width) <= lengths[:, None])
    maskable[:, width // 2] &= random.random(rows) < 0.5  # a [SEP] in the middle
    starts = maskable & ((random.random((rows, width)) < 0.5) | ~np.roll(maskable, 1, axis=1))
    budget, bits = random.integers(0, 9, rows), random_bits(random, (rows, width))
    chosen = choose_positions(starts, maskable, budget, bits)
    assert (np.diff(chosen) > 0).all()
    by_piece = choose_positions(maskable, maskable, np.minimum(budget, maskable.sum(axis=1)), bits)
    for row in range(rows):
        words: list[list[int]] = []
        for column in np.flatnonzero(maskable[row]).tolist():
            if starts[row, column]:
                words.append([])
            words[-1].append(column)
        assert in_row(chosen, row, width) == greedy(words, bits[row], budget[row])
        pieces = [[column] for column in np.flatnonzero(maskable[row]).tolist()]
        assert in_row(by_piece, row, width) == greedy(pieces, bits[row], budget[row])


def test_words_that_fit_are_found_however_late_they_come():
    starts = np.array([[False, True, False, False, True, False, False, True, False]])
    bits = np.arange(9, dtype=np.uint64)[None] << np.uint64(40)
    chosen = choose_positions(starts, starts | [False, *[True] * 7, False], np.array([2]), bits)
    assert chosen.tolist() == [7]


def test_budget_is_the_rounded_share_at_least_one_at_most_the_limit():
    tokens = np.array([0, 1, 3, 10, 100, 126, 200])
    assert prediction_budget(tokens, MlmConfig(max_predictions=20)).tolist() == [0, 1, 1, 2, 15, 19, 20]
    assert prediction_budget(tokens, MlmConfig()).tolist() == [0, 1, 1, 2, 15, 19, 30]
    assert prediction_budget(tokens, MlmConfig(), tokens + 3).tolist() == [min(n, max(1, round((n + 3) * 0.15)))
                                                                               for n in tokens.tolist()]


def test_eighty_ten_ten():
    random = np.random.default_rng(0)
    ids = np.full(200_000, 7)
    seen = replace(ids, MlmConfig(), 4, 1000, random_bits(random, ids.shape))
    assert (seen == 4).mean() == pytest.approx(0.8, abs=0.005)
    assert (seen == 7).mean() == pytest.approx(0.1, abs=0.005)
    others = seen[(seen != 4) & (seen != 7)]
    assert len(others) / len(ids) == pytest.approx(0.1, abs=0.005)
    assert set(others) >= set(range(10, 1000)) and others.max() == 999
