"""Normalisation: the published examples of the NEologd rules, and properties of each step."""

from __future__ import annotations

import sys
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jptransfer.registry import CLEANERS
from jptransfer.text import normalize
from jptransfer.text.alignment import _joins_previous

NEOLOGD = {  # examples of the rules' page (mecab-ipadic-NEologd wiki, Regexp.ja)
    "０１２３４５６７８９": "0123456789",
    "ＡＢＣＤＥＦＧＨＩＪＫＬＭＮＯＰＱＲＳＴＵＶＷＸＹＺ": "ABCDEFGHIJKLMNOPQRSTUVWXYZ",
    "！”＃＄％＆’（）＊＋，－．／：；＜＞？＠［￥］＾＿｀｛｜｝": "!\"#$%&'()*+,-./:;<>?@[¥]^_`{|}",
    "＝。、・「」": "＝。、・「」",
    "ﾊﾝｶｸ": "ハンカク",
    "o₋o": "o-o",
    "majika━": "majikaー",
    "わ〰い": "わい",
    "スーパーーーー": "スーパー",
    "!#": "!#",
    "ゼンカク　スペース": "ゼンカクスペース",
    "お             お": "おお",
    "      おお": "おお",
    "おお      ": "おお",
    "検索 エンジン 自作 入門 を 買い ました!!!": "検索エンジン自作入門を買いました!!!",
    "アルゴリズム C": "アルゴリズムC",
    "　　　ＰＲＭＬ　　副　読　本　　　": "PRML副読本",
    "Coding the Matrix": "Coding the Matrix",
    "南アルプスの　天然水　Ｓｐａｒｋｉｎｇ　Ｌｅｍｏｎ　レモン一絞り": "南アルプスの天然水Sparking Lemonレモン一絞り",
    "南アルプスの　天然水-　Ｓｐａｒｋｉｎｇ*　Ｌｅｍｏｎ+　レモン一絞り":
        "南アルプスの天然水-Sparking*Lemon+レモン一絞り",
}


@pytest.mark.parametrize("text", NEOLOGD)
def test_neologd_follows_the_published_examples(text):
    assert normalize.neologd(text) == NEOLOGD[text]


@pytest.mark.parametrize(("step", "text", "expected"), [
    ("nfkc", "ﾃﾞｰﾀ①㌔Ａ", "データ1キロA"),
    ("whitespace", "　 今日\t は \u00a0雨 ", "今日 は 雨"),
    ("control", "あ\u200bい\x07う\ufeffえ\u202eお\tか", "あいうえお か"),
    ("html", "<b>湯</b>&amp;<br/>宿<!-- 注 -->&lt;b&gt; 3 < 5", "湯&宿<b> 3 < 5"),
    ("urls", "詳細はhttps://example.com/a?b=c&d=1、または http://例え", "詳細は[URL]、または http://例え"),
    ("users", "@taro_1さん、a@example.com へ", "[USER]さん、a@example.com へ"),
    ("digits", "2026年１１月٣日", "0000年00月0日"),
    ("lowercase", "ＡBCあ", "ａbcあ"),
    ("long_vowels", "すごーーーい", "すごーい"),
    ("wave_dash", "3～5∼7〜", "3〜5〜7〜"),
])
def test_steps(step, text, expected):
    assert CLEANERS.load(step)(text) == expected


@given(st.text(max_size=60))
def test_steps_are_idempotent_and_total(text):
    for name in set(CLEANERS) - {"html", "neologd"}:  # these can uncover new tags, or bring marks together
        once = CLEANERS.load(name)(text)
        assert CLEANERS.load(name)(once) == once


@given(st.text(max_size=60) | st.text("aかガ漢（１ﾊ①…é。\u3099ﾞ\u0301 ー", max_size=12))
def test_nfkc_is_unicodes(text):
    assert normalize.nfkc(text) == unicodedata.normalize("NFKC", text)


def test_nfkc_takes_its_short_way_only_with_characters_that_do_not_compose_with_others_before_them():
    short = [chr(code) for code in range(sys.maxunicode + 1) if not normalize._NFKC_OTHER.match(chr(code))]
    assert len(short) > 20_000
    for character in short:
        normal = unicodedata.normalize("NFKC", character)
        assert normal == character or normalize._NFKC_RUN.match(character)
        assert unicodedata.combining(normal[0]) == 0
        assert not _joins_previous(character)


@pytest.mark.parametrize(("text", "expected"), [
    ("湯<!-- 一 -->と<!-- 二 --><b>宿</b>", "湯と宿"), ("湯<!-- 開いたまま", "湯<!-- 開いたまま"),
    ("<!-- --", "<!-- --"),
])
def test_comments(text, expected):
    assert normalize.html(text) == expected


def test_comments_that_do_not_end_take_linear_time():
    """A pattern would look for each of their ends to the end of the text: some 10 ** 11 steps."""
    assert normalize.html("<!--" * 500_000) == "<!--" * 500_000


@pytest.mark.parametrize(("reference", "character"), [
    ("&#" + "9" * 5000 + ";", "\ufffd"), ("&#" + "0" * 5000 + "65;", "A"), ("&#x" + "f" * 5000 + ";", "\ufffd"),
    ("&#65;", "A")])
def test_long_character_references(reference, character):
    assert normalize.html(f"a{reference}b") == f"a{character}b"
