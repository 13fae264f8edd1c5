"""Registry rows of cleaning steps, which have no settings of their own."""

from __future__ import annotations

from jptransfer.registry import CLEANERS

for _name, _help in {
    "nfkc": "Unicode NFKC",
    "neologd": "the mecab-ipadic-NEologd rules: widths, hyphens, long vowels, spaces",
    "whitespace": "runs of white space become one space, ends are trimmed",
    "control": "control and zero-width characters go",
    "html": "tags go, character references are resolved",
    "urls": "URLs become [URL]",
    "users": "@names become [USER]",
    "digits": "every digit becomes 0",
    "lowercase": "lower case",
    "long_vowels": "repeated long-vowel marks become one",
    "wave_dash": "variants of the wave dash become one",
}.items():
    CLEANERS.add(_name, f"jptransfer.text.normalize:{_name}", _help)
