"""The tokenizer of words and their characters."""

import os
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jptransfer.config import Segmentation, SegmenterConfig, TokenizerConfig
from jptransfer.config.check import check
from jptransfer.errors import ConfigError, DataError
from jptransfer.stages.tokenize import TokenizeStage
from jptransfer.tasks.units import cut
from jptransfer.text.segment import MecabSegmenter, PatternSegmenter, segmenter
from jptransfer.text.tokenizers import load_tokenizer, train_tokenizer
from jptransfer.text.types import SPECIAL_TOKENS
from jptransfer.text.views import MARK, bigrams, utf8
from jptransfer.text.views_settings import CharacterView, ViewsConfig

from .conftest import NASTY, toy_sentences
from .test_alignment import nasty_text
from .test_tokenizer_kinds import check_offsets, digests

pytestmark = pytest.mark.slow

VIEWS = list(CharacterView)


def config(view=CharacterView.bytes, segmentation=Segmentation.mecab, **more):
    sections = {"views": ViewsConfig(view), "segmenter": SegmenterConfig(segmentation)} | more
    return TokenizerConfig(kind="views", vocab_size=300, **sections)


@pytest.fixture(scope="module")
def tokenizers():
    sentences = [*toy_sentences()[:500], *NASTY]
    return {view: train_tokenizer(config(view), sentences) for view in VIEWS}


def rows(tokenizer, encoding):
    """Return the rows of an encoding, as the model finds them: a word's id is below `first_character`."""
    found = []
    for index in encoding.ids:
        found.append([]) if index < tokenizer.first_character else None
        found[-1].append(index)
    return found


@pytest.mark.parametrize("view", VIEWS)
@settings(max_examples=60, deadline=None)
@given(text=nasty_text)
def test_words_are_found_again_in_the_flat_ids(tokenizers, view, text):
    tokenizer = tokenizers[view]
    encoding = tokenizer.encode(text)
    check_offsets(encoding, text)
    found = rows(tokenizer, encoding)
    assert [len(row) for row in found] == [encoding.words.count(number) for number in range(len(found))]
    assert all(row[0] == tokenizer.unk_id or row[0] >= len(SPECIAL_TOKENS) for row in found)
    for number in range(len(found)):
        assert len({span for span, word in zip(encoding.offsets, encoding.words, strict=True) if word == number}) == 1


@settings(max_examples=60, deadline=None)
@given(text=nasty_text)
def test_bytes_spell_the_words(tokenizers, text):
    tokenizer = tokenizers[CharacterView.bytes]
    spelled = [[tokenizer.token(index).removeprefix(MARK) for index in row[1:]]
               for row in rows(tokenizer, tokenizer.encode(text))]
    normal = tokenizer.settings.normalise(text)
    assert spelled == [utf8(word)[:48] for word in MecabSegmenter().spaced(normal).split()]


def test_bigrams_by_hand():
    assert bigrams("Yes") == ["Ye", "es"]
    assert bigrams("a") == ["a"]
    assert bigrams("") == []


@pytest.mark.parametrize("view", VIEWS)
def test_the_fast_path(tokenizers, view):
    tokenizer = tokenizers[view]
    texts = [*toy_sentences()[:100], *NASTY, "壊れた\ud800字"]
    block = tokenizer.encode_lines(texts)
    slow = [tokenizer.encode(text) for text in texts]
    assert block.ids.tolist() == [index for encoding in slow for index in encoding.ids]
    assert block.lengths.tolist() == [len(encoding) for encoding in slow]
    assert np.array_equal(block.word_starts, block.ids < tokenizer.first_character)


def test_only_words_are_lowercased():
    made = train_tokenizer(config(CharacterView.characters, Segmentation.punctuation, lowercase=True, min_frequency=1),
                           ["Yes, we CAN", "yes we can"])
    tokens = [made.token(index) for index in made.encode("Yes CAN!").ids]
    assert tokens == ["yes", " Y", " e", " s", "can", " C", " A", " N", "[UNK]", " [UNK]"]


def test_given_words_are_one_row_each(tokenizers):
    tokenizer = tokenizers[CharacterView.bytes]
    words = ["東京都へ行った", "ｶﾞｽ", " ", "New York", "の"]
    encoding = tokenizer.encode_words(words, [10, 20, 30, 40, 50])
    assert len(rows(tokenizer, encoding)) == 5
    assert sorted(set(encoding.offsets)) == [(10, 17), (20, 23), (30, 31), (40, 48), (50, 51)]
    assert tokenizer.encode_words(words).offsets[-1] == (19, 20)
    assert tokenizer.encode_words([" の"]).ids[0] == tokenizer.id("の")


def test_a_tagger_scores_whole_words(tokenizers):
    tokenizer, text = tokenizers[CharacterView.bytes], "東京都へ行った。"
    pieces, units, firsts = cut(text, None, tokenizer)
    assert [text[start:end] for start, end in units] == MecabSegmenter().spaced(text).split()
    assert all(pieces.ids[first] < tokenizer.first_character for first in firsts)


@pytest.mark.parametrize("view", VIEWS)
def test_saved_and_loaded_is_the_same(tokenizers, tmp_path, view):
    tokenizer = tokenizers[view]
    tokenizer.save(tmp_path / "a")
    loaded = load_tokenizer(tmp_path / "a")
    assert (loaded.tokens, loaded.first_character) == (tokenizer.tokens, tokenizer.first_character)
    assert [loaded.encode(text) for text in NASTY] == [tokenizer.encode(text) for text in NASTY]
    loaded.save(tmp_path / "b")
    assert digests(tmp_path / "a") == digests(tmp_path / "b")
    (tmp_path / "b" / "vocab.txt").unlink()
    with pytest.raises(DataError, match="missing or damaged"):
        load_tokenizer(tmp_path / "b")


@pytest.mark.parametrize("view", VIEWS)
def test_vocabulary(tokenizers, view):
    tokenizer = tokenizers[view]
    assert tuple(tokenizer.tokens[:5]) == SPECIAL_TOKENS
    assert len(set(tokenizer.tokens)) == len(tokenizer.tokens)
    assert tokenizer.first_character <= 300
    assert all(token.startswith(MARK) == (index >= tokenizer.first_character)
               for index, token in enumerate(tokenizer.tokens))
    assert view is not CharacterView.bytes or len(tokenizer.tokens) - tokenizer.first_character == 257
    assert tokenizer.encode("[MASK]").ids[0] != tokenizer.mask_id


def test_decoding_shows_words(tokenizers):
    tokenizer = tokenizers[CharacterView.bigrams]
    text = next(text for text in toy_sentences() if tokenizer.unk_id not in tokenizer.encode(text).ids)
    assert tokenizer.decode([tokenizer.cls_id, *tokenizer.encode(text).ids, tokenizer.sep_id]) == text


def test_training_is_deterministic_over_processes(tmp_path):
    code = ("import sys; from pathlib import Path; from tests.text.test_views import *\n"
            "train_tokenizer(config(CharacterView.bigrams), toy_sentences()[:300]).save(Path(sys.argv[1]))")
    for seed in ("1", "2"):
        subprocess.run([sys.executable, "-c", code, str(tmp_path / seed)], check=True,
                       env=os.environ | {"PYTHONHASHSEED": seed})
    assert digests(tmp_path / "1") == digests(tmp_path / "2")


def test_segmenters_without_mecab():
    assert isinstance(segmenter("mecab", "unidic-lite"), MecabSegmenter)
    assert segmenter("whitespace", "").spaced("It's  U.S. \n").split() == ["It's", "U.S."]
    assert segmenter("punctuation", "").spaced("It's U.S.").split() == ["It", "'", "s", "U", ".", "S", "."]


@pytest.mark.parametrize("name", ["whitespace", "punctuation"])
@given(text=st.text())
def test_spans_without_mecab(name, text):
    cutter = segmenter(name, "")
    assert isinstance(cutter, PatternSegmenter)
    clean = text.encode("utf-8", "replace").decode()
    assert [clean[start:end] for start, end in cutter.spans(clean)] == cutter.spaced(clean).split()


def test_other_kinds_need_mecab():
    with pytest.raises(ConfigError, match="for kind views"):
        check(TokenizeStage(TokenizerConfig(kind="word", segmenter=SegmenterConfig(Segmentation.whitespace))))
    check(TokenizeStage(config(segmentation=Segmentation.whitespace)))
