"""Identities and checks of families whose members have settings of their own: readers, cleaning steps, tokenizers."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import pytest

from jptransfer.artifacts.fingerprint import canonical, externals, fingerprint
from jptransfer.config import CleaningConfig, Quotes, Segmentation, SegmenterConfig, SourceConfig, TokenizerConfig
from jptransfer.corpora.readers_settings import CsvConfig, FolderConfig
from jptransfer.registration import Registry, WithMembers
from jptransfer.text.simple_settings import ByteTokenizerConfig
from jptransfer.text.views_settings import CharacterView, ViewsConfig

BEFORE = {  # identities of the same settings at 27f1be6, when all members' settings stood in one section
    "4fb3f050a260": SourceConfig("x", "folder", folder=FolderConfig(skip_lines=3)),
    "51328efe02bf": SourceConfig("x", "csv", csv=CsvConfig(Quotes.yes)),
    "16be61e34ec2": SourceConfig("x"),
    "6eed0b38d720": SourceConfig("x", "hf", split="a"),
    "3618c0df696d": TokenizerConfig(),
    "38ab06005a64": TokenizerConfig(kind="byte"),
    "711a308a89dc": TokenizerConfig(kind="byte", byte=ByteTokenizerConfig(special_tokens=False)),
    "2fc19d10ba50": TokenizerConfig(kind="views", views=ViewsConfig(CharacterView.bigrams)),
    "c1fdc49fd254": TokenizerConfig(kind="pretrained", source="y"),
    "c83ca99980c4": CleaningConfig(),
}


@pytest.mark.parametrize("known", BEFORE)
def test_identities_are_as_before_members_had_sections(known):
    assert fingerprint(BEFORE[known]).startswith(known)


def test_only_the_settings_of_the_chosen_member_count():
    byte = TokenizerConfig(kind="byte")
    changed = replace(byte, views=ViewsConfig(max_characters=9))
    assert canonical(changed) == canonical(byte)
    assert canonical(replace(byte, byte=ByteTokenizerConfig(False))) == canonical(byte) | {"special_tokens": False}
    assert canonical(replace(TokenizerConfig(), byte=ByteTokenizerConfig(False))) == canonical(TokenizerConfig())


def test_a_place_that_the_member_does_not_read_is_no_input():
    assert "source" not in [one.where for one in externals(TokenizerConfig(source="folder"))]
    assert "source" in [one.where for one in externals(TokenizerConfig(kind="pretrained", source="folder"))]


@pytest.mark.parametrize(("config", "problem"), [
    (TokenizerConfig(kind="bpe", segmenter=SegmenterConfig(join_auxiliaries=True)), "knows no words"),
    (TokenizerConfig(kind="word", segmenter=SegmenterConfig(Segmentation.punctuation)), "cuts Japanese by MeCab"),
    (TokenizerConfig(kind="bpe", segmenter=SegmenterConfig(Segmentation.punctuation)), ""),
    (TokenizerConfig(kind="bpe", segmenter=SegmenterConfig(Segmentation.punctuation), views=ViewsConfig(romanize=True)),
     ""),
    (TokenizerConfig(kind="views", segmenter=SegmenterConfig(Segmentation.punctuation),
                     views=ViewsConfig(romanize=True)), "gives no readings")])
def test_a_kind_is_checked_against_what_all_kinds_have(config, problem):
    assert problem in config.validate() and bool(problem) == bool(config.validate())


def test_a_family_may_list_several_members():
    family = Registry("thing")

    @family.sections("names")
    @dataclass
    class Things(WithMembers):
        names: list[str] = field(default_factory=list)

    @family.register("marked", target="f")
    @dataclass
    class Marked:
        mark: str = "*"

    chosen = Things(["plain", "marked"], marked=Marked("!"))
    assert canonical(chosen) == {"names": ["plain", "marked"], "marked": {"mark": "!"}}
    assert canonical(replace(chosen, names=["plain"])) == {"names": ["plain"]}
