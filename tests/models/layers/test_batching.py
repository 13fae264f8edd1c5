import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from jptransfer.models.layers.batching import sorted_batches

LENGTHS = st.lists(st.integers(1, 60), min_size=0, max_size=200).map(np.array)


@given(LENGTHS, st.integers(1, 40), st.integers(0, 100) | st.none())
def test_sorted_batches_hold_everything_once_within_both_limits(lengths, batch_size, most_padding):
    lengths = lengths.astype(int).tolist()
    batches = list(sorted_batches(lengths, batch_size, most_padding))
    order = [index for batch in batches for index in batch]
    assert sorted(order) == list(range(len(lengths)))
    assert [lengths[index] for index in order] == sorted(lengths, reverse=True)
    padding = [sum(lengths[batch[0]] - lengths[index] for index in batch) for batch in batches]
    assert all(most_padding is None or one <= most_padding for one in padding)
    assert all(len(batch) <= batch_size for batch in batches)
    for batch, wasted, following in zip(batches, padding, batches[1:], strict=False):  # none ends too early
        more = lengths[batch[0]] - lengths[following[0]]
        assert len(batch) == batch_size or (most_padding is not None and wasted + more > most_padding)
