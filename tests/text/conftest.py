"""Texts that break tokenizers, and small tokenizers of every kind, trained once."""

from __future__ import annotations

from pathlib import Path

import pytest

from jptransfer.config import TokenizerConfig
from jptransfer.errors import DataError
from jptransfer.resources import resource
from jptransfer.text.tokenizers import train_tokenizer
from jptransfer.text.vectors import read_vectors

KINDS = ("wordpiece", "unigram", "bpe", "word", "character", "byte")

NASTY = [
    "", " ", "　", "\n", "東京　　大阪 ", "改行\nです。", "タブ\tと　全角", "ｶﾞｷﾞｸﾞﾊﾟﾋﾟ", "㍿東京㌔", "㋿元年",
    "か\u3099と゛", "か\u3099\u309a",
    "İstanbul ΑΣ Σ ß ẞ ŉ", "😀😀は東京", 
    "👨‍👩‍👧‍👦家族と🇯🇵旗", "１２３ＡＢＣ", "e\u0301\u0327x A\u030a", "각각 가", "ﬁﬃ ﷽",
    "\ufeff東京\u200b大阪\u200d",
    "～ｰ‐―…", "の" * 300, "abc" * 60, "क्षि नि", "\x1c行\x85", "▁東京▁ ▁", "##京 ##", "\ufffd\ufdd0", "Ａ－１号室　①②㊤",
]
SPELLED_SPECIAL = "[MASK]と[CLS] [UNK][PAD][SEP]です"


def toy_sentences() -> list[str]:
    lines = resource("data/toy/corpus.txt").read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line][:2500]


def small_config(kind: str, **settings) -> TokenizerConfig:
    return TokenizerConfig(kind=kind, vocab_size=900, **settings)


@pytest.fixture(scope="session")
def sentences() -> list[str]:
    return toy_sentences()


@pytest.fixture(scope="session")
def tokenizers(sentences, tmp_path_factory) -> dict:
    """(kind, lowercase) -> (tokenizer, folder it is saved in)."""
    made = {}
    for kind in KINDS:
        for lower in (False, True):
            folder: Path = tmp_path_factory.mktemp(f"{kind}-{lower}")
            tokenizer = train_tokenizer(small_config(kind, lowercase=lower), [*sentences, *NASTY])
            tokenizer.save(folder)
            made[kind, lower] = tokenizer, folder
    return made


def refused(path: Path, content: bytes, said: str, wanted: set[str]) -> None:
    """A file of vectors with this content is one clear line, which names the file."""
    path.write_bytes(content)
    with pytest.raises(DataError, match=said) as caught:
        read_vectors(path, wanted)
    assert "\n" not in str(caught.value) and str(path) in str(caught.value)
