"""Bags of hashed features against the same counted with plain strings."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jptransfer.config import Analyzer
from jptransfer.learners.fasttext_settings import FasttextConfig
from jptransfer.text.hashing import Bags, Hasher

TEXTS = st.lists(st.text("あいう b\n", max_size=12), max_size=6)


def hasher(**settings):
    return Hasher(FasttextConfig(analyzer=Analyzer.char, dictionary="", **settings))


def grams(text, most):
    units = "".join(text.lower().split())
    return Counter(units[start:start + n] for n in range(1, most + 1) for start in range(len(units) - n + 1))


@given(TEXTS, st.integers(1, 4))
def test_as_many_features_as_n_grams_and_equal_where_those_are(texts, ngrams):
    bags = hasher(buckets=1 << 60).bags(texts, ngrams)
    expected = [grams(text, ngrams) for text in texts]
    assert bags.lengths.tolist() == [counts.total() for counts in expected]
    for part, counts in zip(np.split(bags.keys, np.cumsum(bags.lengths)[:-1]), expected, strict=False):
        assert sorted(np.unique(part, return_counts=True)[1].tolist()) == sorted(counts.values())
    whole = {gram for counts in expected for gram in counts}
    assert len(np.unique(bags.keys)) == len(whole)


@given(TEXTS)
def test_a_text_has_the_same_features_in_any_company(texts):
    cut = hasher()
    together = cut.bags(texts, 3)
    alone = [cut.bags([text], 3).keys for text in texts]
    assert np.array_equal(together.keys, np.concatenate([np.empty(0, np.uint64), *alone]))


def test_words_of_mecab_and_their_subwords():
    plain = Hasher(FasttextConfig()).bags(["部屋が良い"], 1)
    assert plain.lengths.tolist() == [3]
    inside = Hasher(FasttextConfig(subword_min=2, subword_max=3)).bags(["部屋が良い"], 1)
    # <部屋>: 3 pairs and 2 triples; <が>: 2 and 1; <良い>: 3 and 2.
    assert inside.lengths.tolist() == [3 + 13]
    assert set(plain.keys) <= set(inside.keys)


def test_rare_words_go_and_n_grams_stay():
    bags = hasher().bags(["ああい"], 2)
    assert len(bags.frequent(1)) == 4 and len(bags.frequent(2)) == 3


def test_take_and_keep_by_hand():
    bags = Bags(np.array([5, 6, 7, 8], np.uint64), np.array([1, 0, 3]))
    taken = bags.take(np.array([2, 1, 0, 2]))
    assert taken.keys.tolist() == [6, 7, 8, 5, 6, 7, 8] and taken.lengths.tolist() == [3, 0, 1, 3]
    kept = bags.keep(np.array([False, True, False, True]))
    assert kept.keys.tolist() == [6, 8] and kept.lengths.tolist() == [0, 0, 2]


@pytest.mark.parametrize("text", ["", " \n", "\ud800", "あ" * 100_000])
def test_odd_texts(text):
    cut = Hasher(FasttextConfig(subword_min=1, subword_max=2))
    assert len(cut.bags([text], 5).lengths) == 1
