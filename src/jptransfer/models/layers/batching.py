"""What is similar in length goes through a net together: next to no padding."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

CPU_PADDING = 64
"""Positions of padding that cost a CPU as much as a batch more does (measured with 4 layers of 256 of BERT, and with a
BiLSTM from 250 to 300 in training)."""


def sorted_batches(lengths: Sequence[int], batch_size: int, most_padding: int | None = None) -> Iterator[list[int]]:
    """Yield every index once, the longest example first, in batches for one pass without learning.

    Args:
        lengths: tokens of every example.
        batch_size: examples a batch has at most.
        most_padding: positions of padding a batch has at most; none: no limit.
    """
    batch: list[int] = []
    padding = 0
    for index in sorted(range(len(lengths)), key=lambda index: -lengths[index]):
        padding += lengths[batch[0]] - lengths[index] if batch else 0
        if batch and (len(batch) == batch_size or (most_padding is not None and padding > most_padding)):
            yield batch
            batch, padding = [], 0
        batch.append(index)
    if batch:
        yield batch
