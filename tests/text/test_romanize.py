import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jptransfer.text.romanize import LETTERS, romanise, romanise_tokens, romanise_word, spell
from jptransfer.text.segment import MecabSegmenter

from .conftest import NASTY

DICTIONARIES = ("unidic-lite", "ipadic")


def words(text, segmenter):
    return [word.letters.text for word in romanise(text, segmenter)]


@pytest.mark.parametrize("dictionary", DICTIONARIES)
def test_the_examples_of_johnson_2019(dictionary):
    joined = MecabSegmenter(dictionary, join_auxiliaries=True)
    text = "ジャズを流して"
    assert [text[start:end] for start, end in joined.spans(text)] == joined.spaced(text).split() == [
        "ジャズ", "を", "流して"]
    assert words(text, joined) == ["jazu", "wo", "nagashite"]
    plain = MecabSegmenter(dictionary)
    assert [words(text, plain) for text in ("押収", "欧州", "加盟", "亀井")] == [["oushuu"]] * 2 + [["kamei"]] * 2


@pytest.mark.parametrize("kana, letters", [
    ("きゃりーぱみゅぱみゅ", "kyariipamyupamyu"), ("ファティヴァヴィデュチェ", "fativavidyuche"), ("マッチ", "macchi"),
    ("あっ", "at"), ("っっか", "kkka"), ("ッア", "ta"), ("コーヒー", "koohii"), ("ーんー", "-n-"), ("こゝろ", "kokoro"),
    ("いすゞ", "isuzu"), ("ハヽ", "haha"), ("じゝ", "jishi"), ("ヽ", "ヽ"), ("づつ", "zutsu"), ("ﾃｨｯｼｭ", "tisshu"),
    ("か\u3099と", "gato"), ("㌔", "kiro"), ("ＡＢｃ３.5%", "ABc3.5%"), ("ねぇ", "nee"), ("トゥクトゥク", "tukutuku"),
    ("は・を", "ha・wo"), ("ミュージック", "myuujikku"), ("ウォッチ", "wocchi"), ("ゐゑ", "wiwe"), ("", "")])
def test_kana(kana, letters):
    assert romanise_word(kana, None).text == letters


def test_every_kana_has_letters():
    kana = [chr(code) for code in (*range(0x3041, 0x3097), *range(0x30A1, 0x30FB))]
    assert all(spell(character).text.isascii() for character in kana)
    assert all(len(key) in (1, 2) and letters.isascii() for key, letters in LETTERS.items())


def test_words_without_a_reading_stay_and_latin_is_not_read():
    assert romanise_word("𠮷", None).text == "𠮷"
    assert romanise_word("Ｔｏｋｙｏ", "トウキョウ").text == "Tokyo"
    assert romanise_word("鬱々", "ウツウツ").text == "utsuutsu"


def test_spans_are_of_the_text_before_normalisation():
    text = "ｶﾞｯｺｳで学校"
    found = [[(word.letters.text[i], text[a:b]) for i, (a, b) in
              enumerate(zip(word.letters.starts, word.letters.ends, strict=True))]
             for word in romanise(text, MecabSegmenter())]
    assert sum(found, [])[:8] == [("g", "ｶﾞ"), ("a", "ｶﾞ"), ("k", "ｯ"), ("k", "ｺ"), ("o", "ｺ"), ("u", "ｳ"), ("d", "で"),
                                  ("e", "で")]
    assert found[-1] == [(letter, "学校") for letter in "gakkou"]


@pytest.mark.parametrize("text", ["行かなかった", "食べられました", "赤かった", "飲んで"])
@pytest.mark.parametrize("dictionary", DICTIONARIES)
def test_endings_join(dictionary, text):
    assert MecabSegmenter(dictionary, join_auxiliaries=True).spans(text) == [(0, len(text))]


def test_only_endings_join():
    joined = MecabSegmenter(join_auxiliaries=True)
    assert joined.spaced("犬だが走ったから猫です").split() == ["犬", "だ", "が", "走った", "から", "猫", "です"]
    assert joined.spaced("流し て").split() == ["流し", "て"]


def test_tokens_are_read_in_their_sentence():
    segmenter = MecabSegmenter()
    assert romanise_tokens(["東京", "都", "へ", "New", "", "押収し", "た"], segmenter) == [
        "toukyou", "to", "he", "New", "", "oushuushi", "ta"]
    assert romanise_tokens(["東", "京"], segmenter) == ["higashi", "kyou"]


@pytest.mark.parametrize("dictionary", DICTIONARIES)
def test_words_with_readings_are_the_same_words(dictionary):
    segmenter = MecabSegmenter(dictionary)
    for text in [*NASTY, "これは長い文です。" * 2500, "a,\"b\",c 東京\0大阪 \ud800"]:
        assert [(start, end) for start, end, _ in segmenter.words(text)] == segmenter.spans(text)


SEGMENTER = MecabSegmenter(join_auxiliaries=True)
KANA = st.text(st.sampled_from("かきっーゝゞゃガｶﾞ\u3099ヴァ東京流して😀 a１"), max_size=30)


@settings(max_examples=150, deadline=None)
@given(st.one_of(KANA, st.text(max_size=30)))
def test_letters_come_from_their_word_in_order(text):
    begin = 0  # words that NFKC makes of one group of characters share its span
    for word in romanise(text, SEGMENTER):
        letters = word.letters
        assert begin <= word.start < word.end <= len(text)
        assert len(letters.text) == len(letters.starts) == len(letters.ends)
        assert all(word.start <= a < b <= word.end for a, b in zip(letters.starts, letters.ends, strict=True))
        assert list(letters.starts) == sorted(letters.starts)
        begin = word.start
