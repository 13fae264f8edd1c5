from hypothesis import given
from hypothesis import strategies as st

from jptransfer.tasks.units import cut, windows
from jptransfer.text.types import Encoding
from tests.tasks.fakes import PairTokenizer


@given(st.lists(st.integers(1, 9), max_size=40), st.integers(1, 12))
def test_windows_score_every_unit_once_and_fit(sizes, room):
    borders = [sum(sizes[:end]) for end in range(len(sizes) + 1)]
    made = windows(borders, room)
    assert [unit for window in made for unit in window.scored] == list(range(len(sizes)))
    for window in made:
        held = range(window.first, window.last)
        assert set(window.scored) <= set(held)
        assert len(held) <= 1 or borders[window.last] - borders[window.first] <= room
    assert all(a.last < b.last for a, b in zip(made, made[1:], strict=False))


def test_a_short_sentence_is_one_window():
    assert [(w.first, w.last, w.scored) for w in windows([0, 1, 3, 4], 4)] == [(0, 3, range(3))]


def test_neighbours_share_a_quarter_and_score_the_middle():
    assert [(w.first, w.last, w.scored) for w in windows(list(range(13)), 8)] == [
        (0, 8, range(7)), (6, 12, range(7, 12))]


def test_gold_tokens_are_the_units():
    pieces, units, firsts = cut("東京都 へ", [(0, 3), (4, 5)], PairTokenizer())
    assert pieces.offsets == [(0, 2), (2, 3), (4, 5)]
    assert units == [(0, 3), (4, 5)]
    assert firsts == [0, 2]


def test_pieces_of_one_character_are_one_unit_and_spaces_belong_to_none():
    class Fixed:
        def encode(self, text):
            return Encoding([1] * 6, [(0, 1), (0, 1), (1, 3), (3, 5), (5, 7), (6, 8)], [0] * 6)

    _, units, firsts = cut("愛 京都 ㌔㍍", None, Fixed())
    assert units == [(0, 1), (2, 3), (3, 4), (5, 8)]
    assert firsts == [0, 2, 3, 4]
