"""Batches of examples of similar length, so that there is little padding."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

CPU_PADDING = 64
"""Positions of padding that cost a CPU as much as one more batch (measured with a BERT of 4 layers of width 256, and
with a BiLSTM of 250 inputs and 300 states in training)."""


def sorted_batches(lengths: Sequence[int], batch_size: int, most_padding: int | None = None) -> Iterator[list[int]]:
    """Yield every index once, longest example first, in batches for one pass without training.

    Args:
        lengths: number of tokens per example.
        batch_size: maximum number of examples per batch.
        most_padding: maximum number of padding positions per batch; None: no limit.
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
