"""Choice of the masked positions and of the tokens shown there (Devlin et al. 2019, section 3.1)."""

from __future__ import annotations

import numpy as np

from jptransfer.objectives.mlm_settings import MlmConfig

_HALF, _LOW = np.uint64(32), np.uint64((1 << 32) - 1)


def prediction_budget(tokens: np.ndarray, config: MlmConfig, counted: np.ndarray | None = None) -> np.ndarray:
    """Return how many tokens to predict in sequences of `tokens` maskable tokens: the rounded share, at least one.

    If `counted` is given, the share refers to it instead: BERT's original code counts the special tokens of a pair.
    """
    share = (tokens if counted is None else counted) * config.mask_rate
    budget = np.maximum(1, np.rint(share).astype(np.int64))
    if config.max_predictions is not None:
        budget = np.minimum(budget, config.max_predictions)
    return np.minimum(budget, tokens)


def choose_positions(starts: np.ndarray, maskable: np.ndarray, budget: np.ndarray, random: np.ndarray) -> np.ndarray:
    """Choose words in random order; a word is taken if all its tokens still fit into the budget of its row.

    Args:
        starts: (rows, width) bool, word starts, at maskable positions only. A word ends before the next start or the
            next unmaskable position.
        maskable: (rows, width) bool, positions that may be chosen.
        budget: (rows,) maximum number of tokens to choose.
        random: (rows, width) uint64 random bits; those at word starts define the order of the words.

    Returns:
        (n,) int64, the chosen positions in the flattened rectangle, ascending.
    """
    rows, width = starts.shape
    order = _random_order(starts, random)
    order += np.arange(0, rows * width, width)[:, None]
    most = int(budget.max(initial=0))
    if starts is maskable:  # every word is one piece
        return np.sort(order[:, :most][np.arange(most) < budget[:, None]])
    sizes = _word_sizes(starts, maskable).reshape(-1)[order]
    taken, left = _greedy(sizes[:, :most], budget[:, None])
    if left.any():  # a word that fits may come later
        more, _ = _greedy(sizes[:, most:], left)
        taken = np.concatenate((taken, more), axis=1)
    chosen = np.nonzero(taken)
    return _expanded(order[chosen], sizes[chosen])


def _random_order(starts: np.ndarray, random: np.ndarray) -> np.ndarray:
    """Return the columns of each row (rows, width): word starts first, in the order of their random bits.

    Sorting numbers is several times faster than an argsort, so the lowest bits are replaced by the column.
    """
    width = starts.shape[1]
    low = np.uint64(max(11, (width - 1).bit_length()))
    keys = random >> low
    keys[~starts] = np.iinfo(np.uint64).max
    keys <<= low
    keys |= np.arange(width, dtype=np.uint64)
    keys.sort(axis=1)
    keys &= np.uint64((1 << int(low)) - 1)
    return keys.view(np.int64)


def _word_sizes(starts: np.ndarray, maskable: np.ndarray) -> np.ndarray:
    """Return the number of tokens of the word that starts at each position (rows, width), 0 if none does."""
    borders = np.flatnonzero(starts | ~maskable)
    sizes = np.zeros(starts.shape, np.int64)
    if len(borders):
        flat = sizes.reshape(-1)
        flat[borders[:-1]] = borders[1:] - borders[:-1]
        flat[borders[-1]] = starts.size - borders[-1]
        sizes *= starts
    return sizes


def _greedy(sizes: np.ndarray, left: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Select sizes from left to right, skipping those that exceed the row's remaining budget.

    Each iteration selects all sizes up to the first that does not fit. That one can be dropped: budgets only shrink.

    Args:
        sizes: (rows, n).
        left: (rows, 1) budgets.

    Returns:
        (rows, n) bool, the selected sizes, and (rows, 1) the remaining budgets.
    """
    total = np.cumsum(sizes, axis=1)
    taken = total <= left
    left = left - (sizes * taken).sum(axis=1, keepdims=True)
    while left.any() and (fits := (sizes <= left) & ~taken).any():
        total = np.cumsum(sizes * fits, axis=1)
        fits &= total <= left
        taken |= fits
        left = left - (sizes * fits).sum(axis=1, keepdims=True)
    return taken, left


def _expanded(starts: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    """Return all positions of words that begin at `starts` and have `sizes` tokens, ascending."""
    before = np.cumsum(sizes) - sizes
    positions = np.repeat(starts - before, sizes)
    positions += np.arange(len(positions))
    positions.sort()
    return positions


def replace(ids: np.ndarray, config: MlmConfig, mask_id: int, vocab_size: int, random: np.ndarray) -> np.ndarray:
    """Return the model's input in place of the chosen tokens `ids`: [MASK], a random token, or the token itself.

    `random` has 64 bits per token: the upper half selects one of the three, the lower half the random token.
    """
    action = random >> _HALF
    token = ((random & _LOW) * np.uint64(vocab_size)) >> _HALF
    mask, either = (int(share * 2**32) for share in (config.replace_mask, config.replace_mask + config.replace_random))
    seen = np.where(action < either, token.view(np.int64), ids)
    seen[action < mask] = mask_id
    return seen
