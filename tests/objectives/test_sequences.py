from random import Random

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from jptransfer.objectives.sequences import IGNORED, sentence_pairs, single_sequences
from tests.training.tiny import make_split, random_documents

DOCUMENTS = st.lists(st.lists(st.integers(0, 25), min_size=1, max_size=8), min_size=1, max_size=6)


@given(DOCUMENTS, st.integers(8, 30), st.booleans())
def test_no_token_is_lost_and_nothing_is_too_long(documents, max_length, pack):
    split = make_split(documents)
    sequences = single_sequences(split, max_length, 2, pack)
    tokens = [i for start, end in sequences.first for i in range(start, end)]
    assert tokens == list(range(split.n_tokens))
    assert all(2 < length <= max_length for length in sequences.lengths)


@given(DOCUMENTS, st.integers(8, 30))
def test_sequences_stay_in_their_document_and_end_with_a_sentence_if_one_fits(documents, max_length):
    split = make_split(documents)
    borders = split.sentences[split.documents].tolist()
    ends = split.sentences.tolist()
    for start, end in single_sequences(split, max_length, 2, pack=True).first.tolist():
        assert not any(start < border < end for border in borders)
        room = [e for e in ends if start < e <= start + max_length - 2 and not any(start < b < e for b in borders)]
        assert end == (max(room) if room else start + max_length - 2)


def test_without_packing_a_sequence_is_a_sentence():
    sequences = single_sequences(make_split([[3, 0, 20], [5]]), 12, 2, pack=False)
    assert sequences.first.tolist() == [[0, 3], [3, 13], [13, 23], [23, 28]]


def test_pairs_follow_each_other_or_come_from_another_document():
    split = make_split(random_documents(400, longest=20))
    pairs = sentence_pairs(split, 64, 3, 0.1, Random(1))
    document = np.searchsorted(split.sentences[split.documents], np.arange(split.n_tokens), side="right")
    starts = set(split.sentences.tolist())
    is_random = pairs.random_next == 1
    assert 0.5 < is_random.mean() < 0.75  # half, and all single-sentence rests
    assert (document[pairs.first[is_random, 0]] != document[pairs.second[is_random, 0]]).mean() > 0.99
    np.testing.assert_array_equal(document[pairs.first[~is_random, 0]], document[pairs.second[~is_random, 0]])
    whole = ~is_random & (pairs.lengths < 64)
    np.testing.assert_array_equal(pairs.first[whole, 1], pairs.second[whole, 0])
    assert {int(s) for s in pairs.second[whole, 0]} <= starts
    assert pairs.lengths.max() <= 64
    assert (pairs.first_lengths >= 1).all() and (pairs.lengths - pairs.first_lengths - 3 >= 1).all()


def test_every_sentence_comes_up_as_often_as_without_random_pairs():
    split = make_split([[4] * 9 for _ in range(30)])
    pairs = sentence_pairs(split, 35, 3, 0.0, Random(0))
    own = np.concatenate([pairs.first, pairs.second[pairs.random_next == 0]])
    counts = np.zeros(split.n_tokens, int)
    for start, end in own:
        counts[start:end] += 1
    assert (counts == 1).all()


def test_a_share_of_pairs_is_short():
    split = make_split([[5] * 400 for _ in range(30)])
    long, mixed = (sentence_pairs(split, 128, 3, short, Random(0)).lengths for short in (0.0, 0.5))
    assert (long < 100).mean() < 0.1
    assert (mixed < 100).mean() > 0.3


def test_padding_rows_are_empty_and_not_predicted():
    padded = sentence_pairs(make_split([[5, 5], [4]]), 32, 3, 0.0, Random(0)).padded_to(9)
    assert len(padded) == 9
    assert padded.lengths[-1] == 3
    assert padded.random_next[-1] == IGNORED


def pairs_of_berts_own_code(documents, max_length, short, random):
    """What create_instances_from_document makes of token lists, written down from its description, token by token."""
    made = []
    for number, document in enumerate(documents):
        target = most = max_length - 3
        if random.random() < short:
            target = random.randint(2, most)
        chunk, place = [], 0
        while place < len(document):
            chunk.append(document[place])
            if place == len(document) - 1 or sum(map(len, chunk)) >= target:
                cut = random.randint(1, len(chunk) - 1) if len(chunk) >= 2 else 1
                first, second = sum(chunk[:cut], []), sum(chunk[cut:], [])
                if is_random := len(chunk) == 1 or random.random() < 0.5:
                    wanted, second = target - len(first), []
                    for _ in range(10):
                        other = random.randint(0, len(documents) - 1)
                        if other != number:
                            break
                    for sentence in documents[other][random.randint(0, len(documents[other]) - 1):]:
                        second = second + sentence
                        if len(second) >= wanted:
                            break
                    place -= len(chunk) - cut
                while len(first) + len(second) > most:
                    longer = first if len(first) > len(second) else second
                    longer.pop(0 if random.random() < 0.5 else -1)
                made.append((first, second, int(is_random)))
                chunk = []
            place += 1
    return made


@given(st.lists(st.lists(st.integers(1, 25), min_size=1, max_size=8), min_size=2, max_size=6), st.integers(8, 40),
       st.sampled_from([0.0, 0.1, 1.0]), st.integers(0, 1000))
def test_pairs_are_those_of_berts_own_code_draw_by_draw(documents, max_length, short, seed):
    split = make_split(documents)
    places, texts = iter(range(split.n_tokens)), []
    for document in documents:
        texts.append([[next(places) for _ in range(length)] for length in document])
    found = sentence_pairs(split, max_length, 3, short, Random(seed))
    expected = pairs_of_berts_own_code(texts, max_length, short, Random(seed))
    made = [(list(range(*first)), list(range(*second)), label) for first, second, label
            in zip(found.first.tolist(), found.second.tolist(), found.random_next.tolist(), strict=True)]
    assert made == expected


def test_the_target_length_is_drawn_once_a_document():
    split = make_split([[1] * 400 for _ in range(40)])
    pairs = sentence_pairs(split, 64, 3, 1.0, Random(0))
    documents, lengths = pairs.first[:, 0] // 400, pairs.lengths - 3
    follows = pairs.random_next == 0
    targets = [set(lengths[follows & (documents == number)][:-1].tolist()) for number in range(40)]
    assert all(len(one) <= 1 for one in targets) and len(set().union(*targets)) > 10
