"""Tokenizers over text in Latin letters, and views whose characters are Latin."""

import json

import pytest
from hypothesis import given, settings

from jptransfer.config import Segmentation, SegmenterConfig, TokenizerConfig
from jptransfer.config.check import check
from jptransfer.errors import ConfigError
from jptransfer.inference.export import export
from jptransfer.stages.tokenize import TokenizeStage
from jptransfer.text.romanize import Romaniser, romanise
from jptransfer.text.segment import MecabSegmenter
from jptransfer.text.tokenizers import load_tokenizer, train_tokenizer
from jptransfer.text.views_settings import CharacterView, ViewsConfig

from .conftest import NASTY, toy_sentences
from .test_alignment import nasty_text
from .test_tokenizer_kinds import check_offsets

KINDS = ("byte", "character", "unigram", "bpe", "word", "wordpiece")


def mixed(view=CharacterView.characters, **more):
    return TokenizerConfig(kind="views", min_frequency=1, views=ViewsConfig(view, romanize=True), **more)


@pytest.fixture(scope="module")
def tokenizers():
    sentences = [*toy_sentences()[:300], *NASTY]
    made = {kind: train_tokenizer(TokenizerConfig(kind=kind, vocab_size=400, romanize=True), sentences)
            for kind in KINDS}
    return made | {"views": train_tokenizer(mixed(), sentences)}


@settings(max_examples=40, deadline=None)
@given(text=nasty_text)
def test_the_fast_way_gives_the_same_letters_and_spans_lie_in_the_text(text):
    aligned = Romaniser().align(text)
    assert aligned.text == Romaniser().text(text) == " ".join(
        word.letters.text for word in romanise(text, MecabSegmenter()))
    spans = list(zip(aligned.starts, aligned.ends, strict=True))
    assert len(spans) == len(aligned.text)
    assert all(0 <= start < end <= len(text) for start, end in spans)
    assert spans == sorted(spans)


@pytest.mark.parametrize("kind", [*KINDS, "views"])
@settings(max_examples=15, deadline=None)
@given(text=nasty_text)
def test_offsets_and_the_fast_path(tokenizers, kind, text):
    tokenizer = tokenizers[kind]
    encoding = tokenizer.encode(text)
    check_offsets(encoding, text)
    assert tokenizer.encode_lines([text, text]).ids.tolist() == encoding.ids * 2


def test_text_is_spelled_from_its_readings(tokenizers):
    ids = tokenizers["byte"].encode("亀井が欧州でｼﾞｬｽﾞを聴く。").ids
    assert tokenizers["byte"].decode(ids) == "kamei ga oushuu de jazu wo kiku 。"
    made = train_tokenizer(TokenizerConfig(kind="word", min_frequency=1, romanize=True), ["欧州を加盟"])
    assert [made.token(index) for index in made.encode("押収を仮名").ids] == ["oushuu", "wo", "[UNK]"]


@pytest.mark.parametrize("kind", [*KINDS, "views"])
def test_saved_and_loaded_is_the_same_and_claims_no_class_of_transformers(tokenizers, tmp_path, kind):
    tokenizers[kind].save(tmp_path / "t")
    loaded = load_tokenizer(tmp_path / "t")
    assert [loaded.encode(text) for text in NASTY] == [tokenizers[kind].encode(text) for text in NASTY]
    assert "tokenizer_class" not in json.loads((tmp_path / "t" / "tokenizer_config.json").read_text())
    if kind != "views":
        with pytest.raises(ConfigError, match="romanised"):
            export(tmp_path / "t", tmp_path / "out")


def test_words_stay_and_characters_are_latin_as_in_the_paper():
    made = train_tokenizer(mixed(segmenter=SegmenterConfig(join_auxiliaries=True)), ["ジャズを流して"])
    text = "ジャズを流して"
    pieces = made.encode(text)
    tokens = [made.token(index) for index in pieces.ids]
    rows = []
    for token in tokens:
        if token.startswith(" "):
            rows[-1][1] += token[1:]
        else:
            rows.append([token, ""])
    assert rows == [["ジャズ", "jazu"], ["を", "wo"], ["流して", "nagashite"]]
    assert {text[start:end] for start, end in pieces.offsets} == {"ジャズ", "を", "流して"}
    assert made.encode_words(["ジャズ", "を", "流して"]).ids == pieces.ids


def letters_of(tokenizer, pieces, word):
    return "".join(tokenizer.token(index)[1:] for index, number in zip(pieces.ids, pieces.words, strict=True)
                   if number == word and tokenizer.token(index).startswith(" "))


def test_one_surface_with_two_readings_is_spelled_in_two_ways():
    sentences = ["日本人がいる", "その人がいる"]
    made = train_tokenizer(mixed(), sentences)
    for _ in range(2):  # the second time from memory
        found = [letters_of(made, made.encode(text), 1) for text in sentences]
        assert found == ["nin", "hito"]
        fast = [made.encode_lines([text]).ids.tolist() for text in sentences]
        assert fast == [made.encode(text).ids for text in sentences]
    gold = made.encode_words(["日本", "人", "が", "いる"])
    assert letters_of(made, gold, 1) == "nin" and made.token(gold.ids[gold.words.index(1)]) == "人"


def test_views_of_romanised_text_are_latin_in_both():
    config = TokenizerConfig(kind="views", min_frequency=1, romanize=True, views=ViewsConfig(CharacterView.bigrams))
    made = train_tokenizer(config, ["欧州"])
    assert [made.token(index) for index in made.encode("押収").ids] == ["oushuu", " ou", " us", " sh", " hu", " uu"]


@pytest.mark.parametrize(("config", "said"), [
    (TokenizerConfig(kind="pretrained", romanize=True), "not for kind pretrained"),
    (mixed(segmenter=SegmenterConfig(Segmentation.whitespace)), "gives no readings"),
    (TokenizerConfig(kind="views", romanize=True, segmenter=SegmenterConfig(Segmentation.punctuation)), "no readings"),
    (TokenizerConfig(segmenter=SegmenterConfig(Segmentation.whitespace, join_auxiliaries=True)), "need mecab")])
def test_what_does_not_go_together(config, said):
    with pytest.raises(ConfigError, match=said):
        check(TokenizeStage(config))
