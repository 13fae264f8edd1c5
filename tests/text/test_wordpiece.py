"""Cutting words into pieces, against the WordPiece model of the tokenizers library."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers.models import WordPiece

from jptransfer.text.base import Settings
from jptransfer.text.types import SPECIAL_TOKENS
from jptransfer.text.wordpiece import MAX_WORD, PREFIX, WordPieceTokenizer

TOKENS = [*SPECIAL_TOKENS, "a", "ab", "b", "[", "U", "#", "##a", "##b", "##ba", "##bab", "##]", "##U", "###", "##[UNK]"]
UNITS = {token: index for index, token in enumerate(TOKENS) if token not in SPECIAL_TOKENS or token == "[UNK]"}
OURS = WordPieceTokenizer(Settings("wordpiece"), TOKENS)
THEIRS = WordPiece(UNITS, unk_token="[UNK]", max_input_chars_per_word=MAX_WORD)


def cut(word: str) -> list[tuple[int, int]]:
    pieces = [(piece.id, len(piece.value) - len(PREFIX) * (number > 0))
              for number, piece in enumerate(THEIRS.tokenize(word))]
    return [(OURS.unk_id, len(word))] if any(index == OURS.unk_id for index, _ in pieces) else pieces


@given(st.text("ab[]U#cあ", min_size=1, max_size=12))
def test_longest_match_first(word):
    assert OURS._cut_word(word) == cut(word)


@pytest.mark.parametrize("word", ["[UNK]", "[UNK]a", "a[UNK]", "[MASK]", "##a", "a##b",
                                  "a" * MAX_WORD, "a" * (MAX_WORD + 1)])
def test_special_and_overlong_words(word):
    assert OURS._cut_word(word) == cut(word)
