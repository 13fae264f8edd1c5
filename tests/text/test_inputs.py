"""Inputs are those of transformers' own `tokenizer(a)` and `tokenizer(a, b)`, whatever the family and the length."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import pytest
from transformers import AutoTokenizer, XLMRobertaTokenizer

import jptransfer
from jptransfer.config import TruncationSide
from jptransfer.text.inputs import build_inputs, build_many, kept_lengths
from jptransfer.text.tokenizers import load_tokenizer
from tests.families import FAMILIES

pytestmark = pytest.mark.slow

TEXTS = ["部屋はとても広い", "x", "", "駅からの道がとても良かったです。",
         "山本健さんは去年、札幌へ引っ越した。" * 3, "東京 大阪"]
PAIRS = [None, *TEXTS]
LENGTHS = (None, 5, 8, 9, 16, 17, 24, 33)
SIDES = list(TruncationSide)


@pytest.fixture(scope="module")
def loaded(tmp_path_factory):
    """Return family -> our tokenizer and transformers'."""

    @cache
    def load(name):
        folder = tmp_path_factory.mktemp("tokenizer")
        if FAMILIES[name].saves_tokenizer:
            FAMILIES[name].tokenizer().save_pretrained(folder)
            FAMILIES[name].model(400).config.save_pretrained(folder)
        else:
            FAMILIES[name].save(folder)
        # transformers' MLukeTokenizer gives unknown text the id of <s>, see tests/text/test_conversion.py.
        peer = XLMRobertaTokenizer if name == "mluke" else AutoTokenizer
        return load_tokenizer(folder), peer.from_pretrained(folder)

    return load


def check(tokenizer, peer, a, b, length, side):
    """Ours and transformers' ids and type ids of one text or two are equal, and so are those of many at once."""
    peer.truncation_side = side.value
    cut = {} if length is None else {"truncation": True, "max_length": length}
    expected = peer(a, b or None, **cut, verbose=False)  # tokenizers in Python take an empty second text for one
    made = build_inputs(tokenizer, a, b, length, side)
    assert made.ids == (expected["input_ids"] or [tokenizer.sep_id])
    types = expected.get("token_type_ids") or [0] * len(expected["input_ids"])
    assert (made.type_ids or [0] * len(made.ids)) == (types or [0])
    plain = [part for part in (a, b) if part]
    assert made.truncated == sum(len(tokenizer.encode(part)) for part in plain) + len(
        tokenizer.template.frame(bool(b))) - len(expected["input_ids"])
    return made


@pytest.mark.parametrize("name", FAMILIES)
def test_equal_to_transformers(loaded, name):
    tokenizer, peer = loaded(name)
    for length in LENGTHS:
        for side in SIDES:
            made = [check(tokenizer, peer, a, b, length, side) for a in TEXTS for b in PAIRS]
            many = build_many(tokenizer, [a for a in TEXTS for _ in PAIRS], PAIRS * len(TEXTS), length, side)
            assert [one.ids for one in many] == [one.ids for one in made]
            assert [one.special for one in many] == [one.special for one in made]


@pytest.mark.parametrize("kind", ["wordpiece", "unigram", "bpe", "word", "character", "byte"])
def test_our_own_are_equal_to_what_transformers_loads(tokenizers, kind):
    tokenizer, folder = tokenizers[kind, False]
    peer = AutoTokenizer.from_pretrained(folder)
    for length in LENGTHS:
        for side in SIDES:
            for a in TEXTS:
                for b in PAIRS:
                    made = check(tokenizer, peer, a, b, length, side)
                    assert sorted(set(made.type_ids)) == ([0, 1] if b else [])


@pytest.mark.parametrize("name", ["bert", "roberta", "t5", "qwen2"])
def test_offsets_places_and_special_tokens(loaded, name):
    tokenizer, _ = loaded(name)
    a, b = "部屋はとても広い", "駅からの道が良かった"
    for side in SIDES:
        made = build_inputs(tokenizer, a, b, 15, side)
        (start, end), (start2, end2) = made.places
        inside = {*range(start, end), *range(start2, end2)}
        assert set(made.special) == set(range(len(made.ids))) - inside
        assert all(made.offsets[place] == (0, 0) for place in made.special)
        for text, (first, last) in ((a, made.places[0]), (b, made.places[1])):
            whole = tokenizer.encode(text)
            kept = last - first
            at = 0 if side is TruncationSide.right else len(whole) - kept
            assert made.offsets[first:last] == whole.offsets[at:at + kept]
            assert made.ids[first:last] == whole.ids[at:at + kept]


def test_nobody_else_adds_special_tokens():
    """Ids of [CLS] and [SEP] are used by tokenizers, and by what treats special tokens apart from others."""
    source = Path(jptransfer.__file__).parent
    apart = {"models/layers/glyphs.py", "models/encoders/onehot.py", "transfer/vocabulary.py", "inference/generate.py"}
    using = {str(path.relative_to(source)) for path in source.rglob("*.py")
             if re.search(r"\b(cls_id|sep_id|bos_id|eos_id)\b|add_special_tokens=True", path.read_text("utf-8"))}
    assert {name for name in using if not name.startswith("text/")} == apart


@pytest.mark.parametrize(("lengths", "room", "kept"), [
    ((3, 4), 7, [3, 4]), ((3, 9), 7, [3, 4]), ((9, 3), 7, [4, 3]), ((9, 9), 6, [3, 3]),
    ((9,), 4, [4]), ((2, 3), -1, [0, 0]),
])
def test_the_longer_text_is_cut_first(lengths, room, kept):
    assert kept_lengths(lengths, room) == kept_lengths(lengths, room, odd_to_first=True) == kept


def test_of_two_long_texts_one_keeps_the_odd_token():
    assert kept_lengths((9, 9), 7) == [3, 4] and kept_lengths((9, 9), 7, odd_to_first=True) == [4, 3]
    assert kept_lengths((10, 9), 7) == [4, 3] and kept_lengths((9, 10), 7, odd_to_first=True) == [4, 3]
