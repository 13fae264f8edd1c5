"""Filters and what a cleaned batch holds."""

from __future__ import annotations

from hashlib import blake2b

import pytest

from jptransfer.config import CleaningConfig
from jptransfer.corpora.cleaning import Cleaner, digest


@pytest.mark.parametrize(("sentence", "settings", "expected"), [
    ("", {}, "empty"),
    ("雨", {"min_chars": 2}, "min_chars"),
    ("雨" * 11, {"max_chars": 10}, "max_chars"),
    ("壊れた\ufffd文", {}, "replacement"),
    ("片割れ\ud83d文", {}, "replacement"),
    ("English only", {"min_japanese": 0.3}, "min_japanese"),
    ("東京 ABC", {"min_japanese": 0.4}, ""),
    ("東京 ABC", {"min_japanese": 0.41}, "min_japanese"),
    ("中华人民共和国", {"min_kana": 0.1, "min_japanese": 0.3}, "min_kana"),
    ("日本の首都", {"min_kana": 0.2, "min_japanese": 1.0}, ""),
    ("ﾃﾞｰﾀ々", {"min_japanese": 0.6}, ""),
])
def test_filters(sentence, settings, expected):
    assert Cleaner(CleaningConfig(**settings)).rejects(sentence) == expected


def test_batch():
    cleaner = Cleaner(CleaningConfig(min_chars=2), frozenset([digest("除く文\n\n")]))
    batch = cleaner.batch([["　ＡＢ\n雨 ", "除く文", "x"], ["x"], ["𠮷野"]])
    assert batch.text == "AB 雨\n\n𠮷野\n\n".encode()
    assert batch.read == {"documents": 3, "sentences": 5, "characters": 6 + 3 + 1 + 1 + 2}
    assert batch.dropped == {"excluded": 1, "min_chars": 2, "documents": 1}
    assert batch.records["bytes"].tolist() == [len("AB 雨\n\n".encode()), len("𠮷野\n\n".encode())]
    assert batch.records["characters"].tolist() == [4, 2]
    assert batch.records["sentences"].tolist() == [1, 1]
    assert batch.records["digest"][0].tobytes() == blake2b("AB 雨\n\n".encode(), digest_size=16).digest()


def test_a_sentence_stays_one_line_whatever_the_steps():
    assert Cleaner(CleaningConfig(steps=["html"])).normalise("一&#10;二\u2028三\r\n") == "一 二 三"


@pytest.mark.parametrize("steps", [["nfkc", "whitespace", "control"], ["whitespace"], [],
                                   ["nfkc", "html", "whitespace"]])
def test_copies_have_one_digest_whatever_the_steps(steps):
    """So that they are dropped as repeated, fall into one split, and are excluded together."""
    cleaner = Cleaner(CleaningConfig(steps=steps))
    one, other = (cleaner.batch([[text]]).records["digest"].tolist() for text in ("部屋 12", "部屋\u3000１２"))
    assert one == other
    strict = Cleaner(CleaningConfig(steps=steps), frozenset([cleaner.copy_digest(["部屋 12"])]))
    assert strict.rejects(strict.normalise("部屋 １２")) == "excluded"
