"""The sentence splitter: cases worked by hand, and nothing lost."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jptransfer.corpora.sentences import CLOSING, OPENING, split_sentences

CASES = {
    "雨が降った。風も吹いた。": ["雨が降った。", "風も吹いた。"],
    "本当！？そう。": ["本当！？", "そう。"],
    "「行こう。」と彼は言った。明日だ。": ["「行こう。」と彼は言った。", "明日だ。"],
    "彼は「晴れた。暑い。」と話した。そうか。": ["彼は「晴れた。暑い。」と話した。", "そうか。"],
    "駅だ（改札は北。出口は南。）。近い。": ["駅だ（改札は北。出口は南。）。", "近い。"],
    "閉じない「括弧がある。次の文。": ["閉じない「括弧がある。", "次の文。"],
    "終わりだ。」と続く。": ["終わりだ。」と続く。"],
    "入れ子（『夏。』を読む。）だ。次。": ["入れ子（『夏。』を読む。）だ。", "次。"],
    "Yahoo!ニュースを読む。": ["Yahoo!ニュースを読む。"],
    "最高!また来る?はい": ["最高!", "また来る?", "はい"],
    "Wow! すごい。": ["Wow!", "すごい。"],
    "句点のない行": ["句点のない行"],
    "  前後の空白。  次。 ": ["前後の空白。", "次。"],
    "": [],
    " 　": [],
    "。。。": ["。。。"],
}


@pytest.mark.parametrize("text", CASES)
def test_cases(text):
    assert split_sentences(text) == CASES[text]


@given(st.text(alphabet="あ亜a1 。！？!?" + OPENING + CLOSING, max_size=40))
def test_only_white_space_is_lost(text):
    assert "".join("".join(split_sentences(text)).split()) == "".join(text.split())


@given(st.text(alphabet="あ亜。！" + OPENING + CLOSING, max_size=30))
def test_no_sentence_starts_with_a_closing_bracket_unless_the_text_does(text):
    assert all(sentence[0] not in CLOSING for sentence in split_sentences(text)[1:])
