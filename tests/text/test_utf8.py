"""The states of UTF-8 against Python's decoder."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from transformers import GPT2Tokenizer

from jptransfer.config import TokenizerConfig
from jptransfer.text.pretrained import PretrainedTokenizer
from jptransfer.text.tokenizers import train_tokenizer
from jptransfer.text.utf8 import INVALID, NEEDED, START, Utf8Units, transitions, units_of

TABLE = transitions()
BYTES = Utf8Units([bytes([byte]) for byte in range(256)])


def end(spelled):
    state = START
    for byte in spelled:
        state = int(TABLE[state, byte]) if state != INVALID else INVALID
    return state


def decodes(spelled):
    try:
        spelled.decode("utf-8")
        return True
    except UnicodeDecodeError:
        return False


def test_whole_sequences_are_those_that_python_decodes():
    edges = [0x00, 0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC0, 0xC1, 0xC2, 0xDF, 0xE0, 0xE1, 0xEC, 0xED, 0xEE, 0xEF,
             0xF0, 0xF1, 0xF3, 0xF4, 0xF5, 0xFF]
    for length in range(1, 5):
        for one in itertools.product(edges, repeat=length):
            assert (end(one) == START) == decodes(bytes(one)), one


@given(st.text(min_size=1))
def test_a_prefix_of_a_text_needs_the_bytes_that_are_left_of_its_character(text):
    spelled = text.encode("utf-8", "ignore")
    for cut in range(len(spelled)):
        rest = len(spelled[:cut].decode("utf-8", "ignore").encode())
        needed = 0 if rest == cut else len(spelled[rest:].decode()[0].encode()) - (cut - rest)
        assert NEEDED[end(spelled[:cut])] == needed


def test_a_character_begins_only_if_there_is_room_for_it():
    assert [int(BYTES.allowed(START, left).sum()) for left in (1, 2, 3, 4)] == [128, 158, 174, 179]
    assert np.flatnonzero(BYTES.allowed(int(TABLE[START, 0xED]), 2)).tolist() == list(range(0x80, 0xA0))


def test_units_of_byte_tokenizers_and_byte_level_vocabularies():
    ours = units_of(train_tokenizer(TokenizerConfig("byte", kind="byte")))
    assert ours.after[START, :5].tolist() == [START] * 5 and (ours.after[1:, :5] == INVALID).all()
    np.testing.assert_array_equal(ours.after[:, 5:], TABLE)
    # ã and ģĤ are the bytes E3 and 83 82
    theirs = units_of(PretrainedTokenizer(GPT2Tokenizer(vocab={"<|endoftext|>": 0, "a": 1, "ã": 2, "ĥĤ": 3, "Ĥ": 4},
                                                        merges=[])))
    assert theirs.after[START].tolist() == [START, START, 2, INVALID, INVALID]
    assert theirs.after[2].tolist() == [INVALID, INVALID, INVALID, START, 1]


@pytest.mark.parametrize("kind", ["character", "word"])
def test_units_that_are_characters_have_no_states(kind):
    assert units_of(train_tokenizer(TokenizerConfig(kind, kind=kind, vocab_size=20), ["雨が降る"])) is None
