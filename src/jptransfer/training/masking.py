"""Which positions a masked language model predicts and what it sees there (Devlin et al. 2019, section 3.1)."""

from __future__ import annotations

import numpy as np

from jptransfer.config import ObjectiveConfig


def prediction_budget(tokens: np.ndarray, config: ObjectiveConfig) -> np.ndarray:
    """Return how many tokens to predict in sequences of `tokens` maskable tokens: the rounded share, at least one."""
    budget = np.maximum(1, np.rint(tokens * config.mask_rate).astype(np.int64))
    return np.minimum(np.minimum(budget, config.max_predictions or budget.max(initial=1)), tokens)


def choose_positions(starts: np.ndarray, maskable: np.ndarray, budget: np.ndarray, keys: np.ndarray) -> np.ndarray:
    """Choose words in random order, each as long as all its pieces still fit into the budget of its row.

    Args:
        starts: (rows, width) bool, where a word starts; a word ends before the next start or unmaskable position.
        maskable: (rows, width) bool, positions that may be chosen.
        budget: (rows,) tokens to choose at most.
        keys: (rows, width) random numbers in [0, 1); those at word starts order the words.

    Returns:
        (rows, width) bool, the chosen positions.
    """
    rows, width = starts.shape
    starts = starts & maskable
    word = np.cumsum(starts, axis=1) - 1 + np.arange(rows)[:, None] * width
    sizes = np.bincount(word[maskable], minlength=rows * width).reshape(rows, width)
    order_keys = np.full((rows, width), 2.0)
    row, column = np.nonzero(starts)
    order_keys[row, word[row, column] - row * width] = keys[row, column]
    order = np.argsort(order_keys, axis=1, kind="stable")
    ordered = np.take_along_axis(sizes, order, axis=1)
    taken = _greedy(ordered, budget)
    chosen = np.zeros((rows, width), bool)
    np.put_along_axis(chosen, order, taken, axis=1)
    return np.where(maskable, chosen.reshape(-1)[np.where(maskable, word, 0)], False)


def _greedy(sizes: np.ndarray, budget: np.ndarray) -> np.ndarray:
    """Take sizes from left to right, skipping those that would exceed what is left of the row's budget."""
    left = budget.copy()
    taken = np.zeros(sizes.shape, bool)
    for column in range(int((sizes > 0).sum(axis=1).max(initial=0))):
        size = sizes[:, column]
        taken[:, column] = (size > 0) & (size <= left)
        left -= np.where(taken[:, column], size, 0)
        if not left.any():
            break
    return taken


def replace(
    ids: np.ndarray, config: ObjectiveConfig, mask_id: int, vocab_size: int, action: np.ndarray, token: np.ndarray
) -> np.ndarray:
    """Return what is seen in place of the chosen tokens `ids`: [MASK], a random token, or the token itself.

    `action` and `token` are random numbers in [0, 1): what is done, and which random token it is.
    """
    random = np.minimum((token * vocab_size).astype(ids.dtype), vocab_size - 1)
    seen = np.where(action < config.replace_mask + config.replace_random, random, ids)
    return np.where(action < config.replace_mask, mask_id, seen)
