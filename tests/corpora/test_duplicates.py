"""Repeated documents against exact Jaccard similarity, datasketch, and brute force."""

from __future__ import annotations

import functools
import random
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jptransfer.config import DeduplicationConfig
from jptransfer.corpora import duplicates, minhash
from jptransfer.corpora.duplicates import Components, Rows, equal_keys, exact_duplicates, near_duplicates
from jptransfer.corpora.minhash import MinHasher, choose_bands, similarity

pytestmark = pytest.mark.slow

CHARACTERS = "雨風山川海空花鳥月星の はがをにでとも行来見聞読書食飲走歩話思知高低大小新古"


def text(rng: random.Random, length: int) -> str:
    return "".join(rng.choices(CHARACTERS, k=length))


def edited(rng: random.Random, original: str, edits: int) -> str:
    characters = list(original)
    for place in rng.sample(range(len(characters)), edits):
        characters[place] = rng.choice("編集済")
    return "".join(characters)


@functools.cache
def shingles(string: str, n: int = 5) -> set[str]:
    return {string[i:i + n] for i in range(len(string) - n + 1)} or {string}


def jaccard(a: str, b: str) -> float:
    common = len(shingles(a) & shingles(b))
    return common / (len(shingles(a)) + len(shingles(b)) - common)


@pytest.fixture(scope="module")
def pairs() -> list[tuple[str, str, float]]:
    """Texts of 20 to 400 characters with edited copies, and their exact similarity."""
    rng = random.Random(0)
    made = []
    for _ in range(3000):
        original = text(rng, rng.randint(20, 400))
        copy = edited(rng, original, rng.randint(0, max(1, len(original) // 12)))
        made.append((original, copy, jaccard(original, copy)))
    return made


def test_similarity_estimates_jaccard_without_bias(pairs):
    hasher = MinHasher(5, 128, 21)
    left, right = (hasher.signatures(list(column)).astype(np.uint16) for column in list(zip(*pairs, strict=True))[:2])
    error = similarity(left, right) - np.array([pair[2] for pair in pairs])
    assert abs(error.mean()) < 0.004
    assert error.std() < 0.045  # k-permutation MinHash has sqrt(.25 / 128) = .044 at worst


def test_candidates_miss_less_than_one_in_a_hundred_above_the_threshold(pairs):
    hasher = MinHasher(5, 128, choose_bands(0.8, 128))
    left, right = (hasher.band_keys(hasher.signatures(list(column))) for column in list(zip(*pairs, strict=True))[:2])
    alike = np.array([pair[2] >= 0.8 for pair in pairs])
    assert (left == right).any(axis=0)[alike].mean() > 0.99


def test_found_groups_agree_with_datasketch_and_exact_similarity(tmp_path):
    datasketch = pytest.importorskip("datasketch")
    rng = random.Random(1)
    texts = [text(rng, 150) for _ in range(120)]
    texts += [edited(rng, original, 1) for original in texts[:60]] + [text(rng, 150) for _ in range(20)]
    index, theirs = datasketch.MinHashLSH(0.8, 128), []
    for number, string in enumerate(texts):
        sketch = datasketch.MinHash(128)
        sketch.update_batch([piece.encode() for piece in shingles(string)])
        theirs.append(any(jaccard(string, texts[int(found)]) >= 0.8 for found in index.query(sketch)))
        index.insert(str(number), sketch)
    exact = [any(jaccard(a, b) >= 0.8 for b in texts[:i]) for i, a in enumerate(texts)]
    ours = near_duplicates([texts[:90], texts[90:]], DeduplicationConfig(), tmp_path)
    assert ours.tolist() == exact == theirs
    assert sum(exact) == 60


def test_first_of_a_chain_stays(tmp_path):
    rng = random.Random(2)
    first = text(rng, 300)
    chain = [first]
    for _ in range(6):
        chain.append(edited(rng, chain[-1], 2))
    assert jaccard(chain[0], chain[-1]) < 0.8
    repeated = near_duplicates([[text(rng, 300), *chain, text(rng, 300)]], DeduplicationConfig(), tmp_path)
    assert repeated.tolist() == [False, False, *[True] * 6, False]


def test_short_and_empty_texts(tmp_path):
    repeated = near_duplicates([["雨", "雨", "風", "", "雨が降る", "雨が降る"]], DeduplicationConfig(), tmp_path)
    assert repeated.tolist() == [False, True, False, False, False, True]


def test_text_outside_of_the_basic_plane(tmp_path):
    first = "𠮷野家で😀を食べた𩸽と" * 10
    assert near_duplicates([[first, first + "雨"]], DeduplicationConfig(), tmp_path).tolist() == [False, True]


def test_result_does_not_depend_on_pieces_nor_parts(tmp_path, monkeypatch):
    rng = random.Random(3)
    texts = [text(rng, 80) for _ in range(300)]
    texts += [edited(rng, rng.choice(texts), rng.randint(0, 3)) for _ in range(300)]
    whole = near_duplicates([texts], DeduplicationConfig(), tmp_path)
    monkeypatch.setattr(duplicates, "PART", 64)
    monkeypatch.setattr(duplicates, "PAIRS", 5)
    pieces = near_duplicates((texts[i:i + 7] for i in range(0, 600, 7)), DeduplicationConfig(), tmp_path)
    assert 100 < whole.sum() < 300
    assert (whole == pieces).all()


@settings(max_examples=30)
@given(st.lists(st.integers(0, 20), max_size=80), st.integers(1, 9))
def test_exact_duplicates_are_all_but_the_first(tmp_path_factory, values, piece):
    rows = np.array([(value * 0x9E3779B97F4A7C15 & (1 << 64) - 1, value) for value in values], np.uint64).reshape(-1, 2)
    folder = tmp_path_factory.mktemp("exact")
    found = exact_duplicates((rows[i:i + piece] for i in range(0, len(rows), piece)), folder)
    assert found.tolist() == [value in values[:number] for number, value in enumerate(values)]


def test_digests_that_agree_by_half_are_different(tmp_path):
    rows = np.array([[7, 1], [7, 2], [7, 1], [7, 2], [8, 1]], np.uint64)
    assert exact_duplicates([rows], tmp_path).tolist() == [False, False, True, True, False]


@given(st.integers(1, 30).flatmap(lambda size: st.tuples(
    st.just(size), st.lists(st.tuples(st.integers(0, size - 1), st.integers(0, size - 1)), max_size=40))))
def test_components_are_those_of_a_plain_search(case):
    size, edges = case
    components = Components(size)
    for start in range(0, len(edges), 7):
        left, right = np.array(edges[start:start + 7]).T
        components.join(left, right)
    label = list(range(size))
    for _ in range(size):
        for a, b in edges:
            label[a] = label[b] = min(label[a], label[b])
    assert components.roots(np.arange(size)).tolist() == label


def test_equal_keys_finds_every_group_in_parts(tmp_path, monkeypatch):
    monkeypatch.setattr(duplicates, "PART", 100)
    keys = np.random.default_rng(0).integers(0, 1 << 64, 300, dtype=np.uint64)
    keys = np.random.default_rng(1).choice(keys, 1000)
    found = set()
    for documents, group in equal_keys((keys[i:i + 33] for i in range(0, 1000, 33)), 1000, tmp_path):
        for number in np.unique(group):
            found |= set(combinations(documents[group == number].tolist(), 2))
    assert found == {(a, b) for a, b in combinations(range(1000), 2) if keys[a] == keys[b]}


def test_rows_read_from_a_file_are_those_written(tmp_path, monkeypatch):
    table = np.random.default_rng(0).integers(0, 1 << 16, (700, 5), dtype=np.uint16)
    rows = Rows(tmp_path / "rows", np.uint16, 5)
    with rows.writing() as append:
        append(table[:300])
        append(table[300:])
    for most in (duplicates.MAPPED, 100):
        monkeypatch.setattr(duplicates, "MAPPED", most)
        with rows.reading() as take:
            for count in (0, 1, duplicates.LARGE_STEP, 2 * duplicates.LARGE_STEP + 3):
                numbers = np.random.default_rng(1).integers(0, len(table), count)
                assert np.array_equal(take(numbers), table[numbers])


def test_signatures_do_not_depend_on_what_is_hashed_together(pairs, monkeypatch):
    texts = [pair[0] for pair in pairs[:100]]
    whole = MinHasher(5, 128, 21).signatures(texts)
    monkeypatch.setattr(minhash, "TEXTS_AT_ONCE", 7)
    assert np.array_equal(MinHasher(5, 128, 21).signatures(texts), whole)


@pytest.mark.parametrize(("threshold", "bands"), [(0.8, 21), (0.9, 14), (0.5, 42)])
def test_bands_by_the_formula(threshold, bands):
    rows = 128 // choose_bands(threshold, 128)
    assert choose_bands(threshold, 128) == bands
    assert 1 - (1 - threshold**rows) ** bands >= 0.995
    assert 1 - (1 - threshold ** (rows + 1)) ** (128 // (rows + 1)) < 0.995


def test_more_rows_than_the_number_bits_hold(tmp_path, monkeypatch):
    monkeypatch.setattr(duplicates, "_NUMBER_BITS", 3)
    keys = np.array([7] * 40 + [9] * 30 + [1, 2, 3], np.uint64)
    [(documents, group)] = equal_keys([keys], len(keys), tmp_path)
    assert documents.tolist() == list(range(70))
    assert len(set(group[:40])) == len(set(group[40:])) == 1
    assert group[0] != group[40]
