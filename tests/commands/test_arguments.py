"""Positionals, options and tables on the way to Hydra, checked with Hydra's own parser."""

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser
from hypothesis import given
from hypothesis import strategies as st

from jptransfer.commands import VERBS
from jptransfer.commands.arguments import hydra_arguments
from jptransfer.commands.words import hydra_override, quote, unquoted
from jptransfer.config import Config
from jptransfer.errors import ConfigError


@given(st.text(st.characters(codec="utf-8", exclude_characters="\n\r\0"), max_size=20))
def test_quoted_values_come_back_from_hydras_parser(value):
    parsed = OverridesParser.create().parse_override(f"key={quote(value)}")
    assert parsed.value() == value and not parsed.is_sweep_override()
    assert unquoted(quote(value)) == value


@pytest.mark.parametrize(("value", "meant"), [
    ("データ/レビュー (1).tsv", "データ/レビュー (1).tsv"), ("[良い, 悪い,so-so]", ["良い", "悪い", "so-so"]),
    ("a b", "a b"), ("[task=toy, seed=1]", ["task=toy", "seed=1"]), ("[1,a]", [1, "a"]),
    ("{0:悪い, 1: とても 良い,2:so-so}", {0: "悪い", 1: "とても 良い", 2: "so-so"}), ("{a:[1,b]}", {"a": [1, "b"]}),
    ("'日本'", "日本"), ("hf:組織/名@main", "hf:組織/名@main"), ("${outputs_root}/x", "${outputs_root}/x"),
])
def test_japanese_values_need_no_quotes(value, meant):
    assert OverridesParser.create().parse_override(hydra_override(f"key={value}", Config)).value() == meant


def test_japanese_values_may_be_swept_over():
    parsed = OverridesParser.create().parse_override(hydra_override("key=東京,大阪", Config))
    assert list(parsed.sweep_string_iterator()) == ["'東京'", "'大阪'"]


def test_positionals_become_overrides():
    assert hydra_arguments(VERBS["compare"], ["3f,4a", "5b", "split=dev"])[:3] == ["a='3f,4a'", "b='5b'", "split=dev"]
    assert hydra_arguments(VERBS["artifacts"], ["rm", "a1", "b2"])[:2] == ["action='rm'", "ids=['a1','b2']"]
    assert hydra_arguments(VERBS["artifacts"], ["ls", "--json"])[:2] == ["action='ls'", "json=true"]
    assert hydra_arguments(VERBS["predict"], ["m1", "-"])[:2] == ["artifact='m1'", "input='-'"]


def test_options_may_stand_anywhere():
    words = hydra_arguments(VERBS["run"], ["seed=1,2", "-m", "corpus=toy", "--config-dir", "mine", "name=x"])
    assert words == ["-m", "--config-dir", "mine", "seed=1,2", "corpus=toy", "name=x", "hydra.job.name=run"]


def test_a_stray_word_is_refused():
    with pytest.raises(ConfigError, match="'toy' is no setting"):
        hydra_arguments(VERBS["run"], ["toy"])


def test_words_that_are_not_utf_8_are_refused_where_they_are_recorded():
    word = "corpus.sources.mine.path=/tmp/\udcff.txt"
    with pytest.raises(ConfigError, match="is not valid UTF-8"):
        hydra_arguments(VERBS["run"], [word])
    hydra_arguments(VERBS["predict"], ["MODEL", "/tmp/\udcff.txt"])
