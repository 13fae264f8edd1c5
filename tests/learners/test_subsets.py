import random
from collections import Counter
from itertools import pairwise
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jptransfer.config import SubsetConfig
from jptransfer.errors import ConfigError
from jptransfer.learners.subsets import choose, take

LABELS = ["pos"] * 70 + ["neg"] * 20 + ["neutral"] * 10
IDS = [f"r{number}" for number in range(100)]


def test_everything_by_default():
    assert choose(IDS, LABELS, SubsetConfig()) == list(range(100))


@given(st.integers(1, 100), st.integers(1, 100), st.integers(0, 5), st.booleans())
def test_larger_subsets_hold_smaller_ones(n, m, seed, stratify):
    small, large = sorted((n, m))
    chosen = [choose(IDS, LABELS, SubsetConfig(n=size, seed=seed, stratify=stratify)) for size in (small, large)]
    assert [len(part) for part in chosen] == [small, large]
    assert set(chosen[0]) <= set(chosen[1])


@given(st.integers(1, 100), st.integers(0, 5))
def test_labels_keep_their_shares(n, seed):
    kept = Counter(LABELS[i] for i in choose(IDS, LABELS, SubsetConfig(n=n, seed=seed)))
    for label, size in Counter(LABELS).items():
        assert abs(kept[label] - n * size / 100) <= 1


def test_the_choice_depends_on_ids_not_on_the_order_of_the_file():
    rows = list(zip(IDS, LABELS, strict=True))
    random.Random(1).shuffle(rows)
    ids, labels = [row[0] for row in rows], [row[1] for row in rows]
    config = SubsetConfig(n=1, stratify=False)
    assert ids[choose(ids, labels, config)[0]] == IDS[choose(IDS, LABELS, config)[0]]


def test_seeds_differ_and_a_fraction_is_a_number():
    assert choose(IDS, LABELS, SubsetConfig(n=9, seed=0)) != choose(IDS, LABELS, SubsetConfig(n=9, seed=1))
    assert choose(IDS, LABELS, SubsetConfig(fraction=0.09)) == choose(IDS, LABELS, SubsetConfig(n=9))
    assert len(choose(IDS, LABELS, SubsetConfig(fraction=0.0001))) == 1


@pytest.mark.parametrize(("config", "said"), [
    (SubsetConfig(n=101), "100 examples"), (SubsetConfig(n=5, fraction=0.1), "not both")])
def test_impossible_sizes_are_clear_errors(config, said):
    with pytest.raises(ConfigError, match=said):
        choose(IDS, LABELS, config)


@given(st.lists(st.floats(0.001, 1), min_size=2, max_size=6), st.integers(0, 5), st.integers(1, 300), st.booleans())
def test_rising_fractions_are_nested_up_to_the_whole(fractions, seed, total, labelled):
    ids = [f"x{number}" for number in range(total)]
    labels = [LABELS[number % 100] for number in range(total)] if labelled else [""] * total
    parts = [set(choose(ids, labels, SubsetConfig(fraction=one, seed=seed))) for one in [*sorted(fractions), 1.0]]
    assert all(small <= large for small, large in pairwise(parts)) and parts[-1] == set(range(total))


def test_take_gives_the_chosen_examples_in_order():
    examples = [SimpleNamespace(id=id, stratum=label) for id, label in zip(IDS, LABELS, strict=True)]
    config = SubsetConfig(n=10, seed=3)
    assert [one.id for one in take(examples, config)] == [IDS[place] for place in choose(IDS, LABELS, config)]
