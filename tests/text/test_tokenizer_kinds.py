"""What holds for every kind of tokenizer."""

import hashlib
import os
import string
import subprocess
import sys
import unicodedata

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import AutoTokenizer

from jptransfer.errors import ConfigError, DataError
from jptransfer.text.tokenizers import load_tokenizer, sample, train_tokenizer
from jptransfer.text.types import SPECIAL_TOKENS

from .conftest import KINDS, NASTY, SPELLED_SPECIAL, small_config
from .test_alignment import nasty_text

EVERY = [(kind, lower) for kind in KINDS for lower in (False, True)]


def check_offsets(encoding, text):
    assert len(encoding.ids) == len(encoding.offsets) == len(encoding.words)
    assert all(0 <= start < end <= len(text) for start, end in encoding.offsets)
    for before, after in zip(encoding.offsets, encoding.offsets[1:], strict=False):
        assert before[0] <= after[0]
        assert before[1] <= after[1]
    assert encoding.words == sorted(encoding.words)
    assert sorted(set(encoding.words)) == list(range(len(set(encoding.words))))


@pytest.mark.parametrize("which", EVERY)
def test_transformers_gives_the_same_ids(tokenizers, sentences, which):
    tokenizer, folder = tokenizers[which]
    peer = AutoTokenizer.from_pretrained(folder)
    for text in [*sentences[:300], *NASTY]:
        if which[0] == "word" and "\x1c" in text:
            continue  # transformers has an unknown word where MeCab takes a control character for one
        theirs = peer(text, add_special_tokens=False)["input_ids"]
        assert tokenizer.encode(text).ids == theirs, text


@pytest.mark.parametrize("kind", KINDS)
def test_transformers_puts_the_special_tokens_around(tokenizers, kind):
    tokenizer, folder = tokenizers[kind, False]
    peer = AutoTokenizer.from_pretrained(folder)
    found = peer("東京", "大阪")["input_ids"]
    first, second = tokenizer.encode("東京").ids, tokenizer.encode("大阪").ids
    assert found == [tokenizer.cls_id, *first, tokenizer.sep_id, *second, tokenizer.sep_id]
    ids = [getattr(peer, f"{name}_token_id") for name in ("pad", "unk", "cls", "sep", "mask")]
    assert ids == [tokenizer.pad_id, tokenizer.unk_id, tokenizer.cls_id, tokenizer.sep_id, tokenizer.mask_id]


@pytest.mark.parametrize("which", EVERY)
def test_the_fast_path_gives_the_same_ids_and_word_starts(tokenizers, sentences, which):
    tokenizer, _ = tokenizers[which]
    texts = [*sentences[:200], *NASTY, "壊れた\ud800字"]
    block = tokenizer.encode_lines(texts)
    slow = [tokenizer.encode(text) for text in texts]
    assert block.ids.dtype == np.uint32
    assert block.ids.tolist() == [index for encoding in slow for index in encoding.ids]
    assert block.lengths.tolist() == [len(encoding) for encoding in slow]
    starts = [i == 0 or word != encoding.words[i - 1] for encoding in slow for i, word in enumerate(encoding.words)]
    assert block.word_starts.tolist() == starts


@pytest.mark.parametrize("kind", KINDS)
def test_no_lines(tokenizers, kind):
    block = tokenizers[kind, False][0].encode_lines([])
    assert len(block.ids) == len(block.word_starts) == len(block.lengths) == 0


@pytest.mark.parametrize("which", EVERY)
@settings(max_examples=60, deadline=None)
@given(text=nasty_text)
def test_offsets(tokenizers, which, text):
    tokenizer, _ = tokenizers[which]
    encoding = tokenizer.encode(text)
    check_offsets(encoding, text)
    covered = {place for start, end in encoding.offsets for place in range(start, end)}
    lost = {text[place] for place in set(range(len(text))) - covered}
    assert all(not unicodedata.normalize("NFKC", character).strip("\0 ") or character.isspace() for character in lost)


@pytest.mark.parametrize("kind", ["wordpiece", "unigram", "bpe", "word", "character"])
@settings(max_examples=60, deadline=None)
@given(text=nasty_text)
def test_a_known_piece_is_the_normal_form_of_its_span(tokenizers, kind, text):
    tokenizer, _ = tokenizers[kind, False]
    encoding = tokenizer.encode(text)
    for index, (start, end) in zip(encoding.ids, encoding.offsets, strict=True):
        piece = tokenizer.token(index).removeprefix("##").replace("▁", " ")
        if index != tokenizer.unk_id and piece.strip():
            source = unicodedata.normalize("NFKC", text[start:end]).replace("▁", " ")
            assert piece in " ".join(source.split()) or piece in source


@pytest.mark.parametrize("kind", KINDS)
def test_half_width_and_ligatures(tokenizers, kind):
    text = "ｶﾞﾑ㍿"
    encoding = tokenizers[kind, False][0].encode(text)
    assert {span for span in encoding.offsets} <= {(0, 2), (2, 3), (0, 3), (3, 4), (0, 4), (2, 4)}
    assert encoding.offsets[0][0] == 0
    assert encoding.offsets[-1][1] == 4


@pytest.mark.parametrize("which", EVERY)
def test_special_tokens_in_a_text_are_text(tokenizers, which):
    tokenizer, _ = tokenizers[which]
    special = {tokenizer.pad_id, tokenizer.cls_id, tokenizer.sep_id, tokenizer.mask_id}
    for text in (SPELLED_SPECIAL, "[MASK]", "[CLS]", "\ufdd0\ufdd4"):
        assert not special & set(tokenizer.encode(text).ids)
        assert not special & set(tokenizer.encode_lines([text]).ids.tolist())


@pytest.mark.parametrize("kind", ["wordpiece", "word"])
def test_a_dictionary_that_has_a_special_token_as_a_word(tokenizers, kind):
    tokenizer, _ = tokenizers[kind, False]
    assert tokenizer._cut_word("[MASK]") == [(tokenizer.unk_id, 6)]


@pytest.mark.parametrize("kind", KINDS)
def test_pretokenised_input(tokenizers, kind):
    tokenizer, _ = tokenizers[kind, False]
    words = ["東京", "ｶﾞｽ", " ", "㍿", "です"]
    encoding = tokenizer.encode_words(words)
    assert sorted(set(encoding.words)) == [0, 1, 2, 3, 4]
    borders = [0, 2, 5, 6, 7, 9]
    for (start, end), word in zip(encoding.offsets, encoding.words, strict=True):
        assert borders[word] <= start < end <= borders[word + 1]
    moved = tokenizer.encode_words(words, [10, 20, 30, 40, 50])
    assert moved.ids == encoding.ids
    assert moved.offsets == [(start - borders[word] + 10 * (word + 1), end - borders[word] + 10 * (word + 1))
                             for (start, end), word in zip(encoding.offsets, encoding.words, strict=True)]


@pytest.mark.parametrize("which", EVERY)
def test_saved_and_loaded_is_the_same(tokenizers, tmp_path, which):
    tokenizer, folder = tokenizers[which]
    loaded = load_tokenizer(folder)
    assert loaded.vocab_size == tokenizer.vocab_size
    assert loaded.tokens == tokenizer.tokens
    for text in NASTY:
        assert loaded.encode(text) == tokenizer.encode(text)
    loaded.save(tmp_path)
    assert digests(tmp_path) == digests(folder)


@pytest.mark.parametrize("kind", KINDS)
def test_vocabulary(tokenizers, kind):
    tokenizer, _ = tokenizers[kind, False]
    tokens = [tokenizer.token(i) for i in range(tokenizer.vocab_size)]
    assert tuple(tokens[:5]) == SPECIAL_TOKENS
    assert len(set(tokens)) == len(tokens)
    assert kind == "byte" or len(tokens) <= 900
    assert all(tokenizer.id(token) == i for i, token in enumerate(tokens))
    assert tokenizer.id("そんな単位はない") == tokenizer.unk_id


@pytest.mark.parametrize("kind", ["unigram", "bpe", "character", "byte"])
def test_decoding_gives_the_text_back(tokenizers, sentences, kind):
    tokenizer, _ = tokenizers[kind, False]
    for text in sentences[:50]:
        encoding = tokenizer.encode(text)
        if tokenizer.unk_id not in encoding.ids:
            ids = [tokenizer.cls_id, *encoding.ids, tokenizer.sep_id, tokenizer.pad_id]
            assert tokenizer.decode(ids) == " ".join(unicodedata.normalize("NFKC", text).split())


@pytest.mark.parametrize("kind", ["wordpiece", "word"])
def test_decoding_words(tokenizers, sentences, kind):
    tokenizer, _ = tokenizers[kind, False]
    encodings = [(text, tokenizer.encode(text)) for text in sentences if not set(text) & set(string.printable)]
    known = [(text, encoding) for text, encoding in encodings if tokenizer.unk_id not in encoding.ids]
    assert known
    assert all(tokenizer.decode(encoding.ids) == unicodedata.normalize("NFKC", text) for text, encoding in known)


def test_latin_words_keep_their_space(tokenizers):
    tokenizer, _ = tokenizers["wordpiece", False]
    assert tokenizer._join(["Jazz", "Bar", "##s", "の", "New", "York", "3", "##0"]) == "Jazz BarsのNew York 30"


def test_decoding_cut_bytes_shows_the_damage(tokenizers):
    tokenizer, _ = tokenizers["byte", False]
    assert tokenizer.decode(tokenizer.encode("東京").ids[:4]) == "東\ufffd"


def digests(folder):
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(folder.iterdir())}


TRAIN = """
import sys
from pathlib import Path
from tests.text.conftest import KINDS, small_config, toy_sentences
from jptransfer.text.tokenizers import train_tokenizer
for kind in KINDS:
    train_tokenizer(small_config(kind, max_sentences=1000), toy_sentences()).save(Path(sys.argv[1]) / kind)
"""


def test_training_is_deterministic_over_processes(tmp_path):
    found = []
    for seed in ("1", "2"):
        environment = os.environ | {"PYTHONHASHSEED": seed}
        subprocess.run([sys.executable, "-c", TRAIN, str(tmp_path / seed)], check=True, env=environment)
        found.append({kind: digests(tmp_path / seed / kind) for kind in KINDS})
    assert found[0] == found[1]


def test_the_sample_is_seeded_ordered_and_of_the_right_size():
    numbers = [str(i) for i in range(1000)]
    assert sample(numbers, 2000, 0) == numbers
    chosen = sample(numbers, 100, 0)
    assert chosen == sample(iter(numbers), 100, 0) != sample(numbers, 100, 1)
    assert len(set(chosen)) == 100
    assert chosen == sorted(chosen, key=int)


def test_the_sample_is_uniform():
    """Each of 20 numbers is among 5 of 20 in a quarter of 4,000 draws: binomial, 5 standard deviations."""
    counts = np.zeros(20)
    for seed in range(4000):
        counts[[int(number) for number in sample(map(str, range(20)), 5, seed)]] += 1
    assert np.abs(counts - 1000).max() < 5 * np.sqrt(4000 * 0.25 * 0.75)


@given(st.integers(0, 30), st.integers(1, 30))
def test_the_sample_of_little_text(count, size):
    assert len(sample(map(str, range(count)), size, 0)) == min(count, size)


@pytest.mark.parametrize("kind", KINDS)
def test_no_text_at_all(kind):
    if kind in ("unigram", "bpe"):
        with pytest.raises(ConfigError, match=r"tokenizer\.vocab_size=.*no character of the text \(0 sentences\)"):
            train_tokenizer(small_config(kind), [])
    else:
        assert train_tokenizer(small_config(kind), []).vocab_size in (5, 261)


@pytest.mark.parametrize("kind", KINDS)
def test_damaged_folders(tokenizers, tmp_path, kind):
    _, folder = tokenizers[kind, False]
    (tmp_path / "jpt_tokenizer.json").write_bytes((folder / "jpt_tokenizer.json").read_bytes())
    with pytest.raises(DataError, match="missing or damaged"):
        load_tokenizer(tmp_path)
    (tmp_path / "jpt_tokenizer.json").write_text("{")
    with pytest.raises(DataError, match="missing or damaged"):
        load_tokenizer(tmp_path)


def test_ids_need_no_mecab(tokenizers):
    """Pre-training machines have no dictionary: everything but cutting text works without fugashi."""
    _, folder = tokenizers["wordpiece", False]
    code = ("import sys; sys.modules.update(fugashi=None, unidic_lite=None, pyarrow=None)\n"
            "from pathlib import Path; from jptransfer.text.tokenizers import load_tokenizer\n"
            "import jptransfer.text.encoded\n"
            "t = load_tokenizer(Path(sys.argv[1])); print(t.vocab_size, t.mask_id, t.token(7), t.decode([7, 8]))\n"
            "assert 'tokenizers' not in sys.modules and 'transformers' not in sys.modules")
    subprocess.run([sys.executable, "-c", code, str(folder)], check=True, capture_output=True)
