import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from jptransfer.errors import ConfigError
from jptransfer.models.layers.word_rows import NOTHING, at_places, distinct, set_char_vocab, word_rows
from tests.models.tagger import words_tokenizer
from tests.models.vectors import model_config

FIRST = 20
WORD = st.tuples(st.sampled_from([1, *range(5, FIRST)]), st.lists(st.integers(FIRST, 40), max_size=4))


def plain(ids):
    """Words with their characters, read one id after the other."""
    found = []
    for index in ids:
        if index >= FIRST:
            found[-1][1].append(index - FIRST)
        elif index not in (0, 2, 3, 4):
            found.append((index, []))
    return found


@settings(max_examples=60)
@given(st.lists(st.lists(WORD, max_size=5), min_size=1, max_size=4), st.integers(0, 3))
def test_words_are_found_one_after_the_other(texts, padding):
    flat = [[2, *[i for word, characters in text for i in (word, *characters)], 3] for text in texts]
    longest = max(map(len, flat)) + padding
    ids = torch.tensor([row + [0] * (longest - len(row)) for row in flat])
    rows = word_rows(ids, (torch.arange(longest) < torch.tensor([len(row) for row in flat])[:, None]).long(), FIRST)
    for row, ids_of_text in enumerate(flat):
        expected = plain(ids_of_text)
        assert rows.mask[row].tolist() == [True] * len(expected) + [False] * (rows.mask.shape[1] - len(expected))
        assert rows.words[row][rows.mask[row]].tolist() == [word for word, _ in expected]
        assert [[c for c in word if c != NOTHING] for word in rows.characters[row].tolist()] == [
            *(characters for _, characters in expected), *([[]] * (rows.mask.shape[1] - len(expected)))]
    numbers = torch.arange(1.0, rows.words.numel() + 1).view(*rows.words.shape, 1)
    placed = at_places(numbers, rows.places, rows.mask, longest)[..., 0]
    starts = (ids < FIRST) & ((ids > 4) | (ids == 1))
    assert torch.equal(placed != 0, starts)
    assert torch.equal(placed[starts], numbers[..., 0][rows.mask])


def test_characters_after_no_word_belong_to_none():
    rows = word_rows(torch.tensor([[2, FIRST, 7, FIRST + 1]]), torch.ones(1, 4), FIRST)
    assert rows.words.tolist() == [[7]] and rows.characters.tolist() == [[[1]]]


def test_marks_may_be_words():
    ids = torch.tensor([[2, 7, FIRST, 3, 0], [2, 3, 0, 0, 0]])
    rows = word_rows(ids, ids != 0, FIRST, marks=True)
    assert rows.words.tolist() == [[2, 7, 3], [2, 3, 0]]
    assert rows.characters.tolist() == [[[-1], [0], [-1]], [[-1]] * 3]
    assert rows.places.tolist() == [[0, 1, 3], [5, 6, 0]]


def test_rows_are_told_apart_whatever_their_keys(monkeypatch):
    spellings = torch.randint(0, 3, (50, 4))
    for _ in range(2):
        found, number = distinct(spellings)
        assert torch.equal(found[number], spellings)
        assert len(found) == len({tuple(row) for row in spellings.tolist()})
        monkeypatch.setattr("jptransfer.models.layers.word_rows._factors", lambda length: torch.zeros(length).long())


def test_the_tokenizer_says_where_characters_begin():
    tokenizer = words_tokenizer()
    config = set_char_vocab(type("Views", (), {"first_character": 5, "model_type": "jpt_bilstm_tagger"})(), tokenizer)
    assert config.first_character == tokenizer.first_character
    assert not hasattr(set_char_vocab(model_config("lstm"), tokenizer), "first_character")
    with pytest.raises(ConfigError, match=r"bilstm_tagger reads words .* take tokenizer=views_bigrams"):
        set_char_vocab(config, object())
