import unicodedata
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jptransfer.datasets.splits import allocate, divide
from jptransfer.errors import DataError
from jptransfer.tasks.classification import TextExample

SHARES = {"test": 0.2, "validation": 0.1}


def texts(count, labels="aab"):
    return [TextExample(str(n), f"文{n}", labels[n % len(labels)]) for n in range(count)]


def make(examples, groups=None, **settings):
    return divide(examples, SHARES, "train", groups or {}, **{"stratify": True, "seed": 0} | settings)


def test_shares_are_exact_and_labels_keep_theirs():
    parts = make(texts(300))
    assert {split: Counter(e.label for e in part) for split, part in parts.items()} == {
        "train": {"a": 140, "b": 70}, "test": {"a": 40, "b": 20}, "validation": {"a": 20, "b": 10}}


def test_each_example_is_in_one_split_in_the_files_order():
    examples = texts(100)
    parts = make(examples)
    assert sorted((e for part in parts.values() for e in part), key=lambda e: int(e.id)) == examples
    assert all(part == sorted(part, key=lambda e: int(e.id)) for part in parts.values())


def test_order_does_not_matter_and_the_seed_does():
    examples = texts(100)
    as_sets = [{split: {e.id for e in part} for split, part in parts.items()}
               for parts in (make(examples), make(examples[::-1]), make(examples, seed=1))]
    assert as_sets[0] == as_sets[1] != as_sets[2]


def test_groups_and_equal_texts_stay_together():
    examples = texts(200) + [TextExample(f"again-{n}", f"文{n}", "b") for n in range(50)]
    parts = make(examples)
    assert not {e.text for e in parts["train"]} & {e.text for e in parts["test"] + parts["validation"]}
    articles = {e.id: f"記事{int(e.text[1:]) % 20}" for e in examples}
    parts = make(examples, articles)
    seen = [{articles[e.id] for e in part} for part in parts.values()]
    assert sum(map(len, seen)) == len(set(articles.values()))


def test_copies_but_for_width_and_white_space_stay_together():
    """Rows that repeat with a trailing blank or full-width digits are the same text."""
    wide = str.maketrans("0123456789", "０１２３４５６７８９")
    examples = texts(100)
    examples += [TextExample(f"wide-{e.id}", e.text.translate(wide), e.label) for e in examples[:60]]
    examples += [TextExample(f"blank-{e.id}", f"\u3000{e.text} \u200b ", e.label) for e in examples[:60]]
    parts = make(examples)
    keys = [{unicodedata.normalize("NFKC", e.text).replace("\u200b", "").strip() for e in part}
            for part in parts.values()]
    assert sum(map(len, keys)) == len(set.union(*keys)) == 100


@given(st.dictionaries(st.text(max_size=2), st.integers(1, 50), min_size=1), st.floats(0.01, 0.9))
def test_largest_remainder(sizes, share):
    quotas = allocate(sizes, share)
    assert sum(quotas.values()) == max(1, round(sum(sizes.values()) * share))
    assert all(abs(quotas[stratum] - sizes[stratum] * share) <= 1 for stratum in sizes)


def test_too_few_examples():
    with pytest.raises(DataError, match="too few examples"):
        make(texts(2))
