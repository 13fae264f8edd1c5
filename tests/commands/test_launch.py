"""Positionals, options and tables on the way to Hydra, checked with Hydra's own parser."""

import pytest
from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra.core.override_parser.overrides_parser import OverridesParser
from hypothesis import given
from hypothesis import strategies as st

from jptransfer.commands import VERBS
from jptransfer.commands.launch import parse
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


@pytest.mark.parametrize(("verb", "words", "overrides"), [
    ("compare", ["3f,4a", "5b", "split=dev"], ["a='3f,4a'", "b='5b'", "split=dev"]),
    ("artifacts", ["rm", "a1", "b2"], ["action='rm'", "ids=['a1','b2']"]),
    ("artifacts", ["ls", "--json"], ["action='ls'", "json=true"]),
    ("predict", ["m1", "-"], ["artifact='m1'", "input='-'"]),
])
def test_positionals_become_overrides(verb, words, overrides):
    assert parse(VERBS[verb], words).overrides == overrides


def test_options_may_stand_anywhere():
    arguments = parse(VERBS["run"], ["seed=1,2", "-m", "corpus=toy", "--config-dir", "mine", "name=x", "~rows.a"])
    assert arguments.multirun and arguments.config_dir == "mine" and arguments.config_name == "run"
    assert arguments.overrides == ["seed=1,2", "corpus=toy", "name=x", "~rows.a"]


def test_a_stray_word_is_refused():
    with pytest.raises(ConfigError, match="'toy' is not a setting"):
        parse(VERBS["run"], ["toy"])


def test_the_option_that_runs_a_pickle_is_refused():
    with pytest.raises(ConfigError, match="--experimental-rerun is not supported"):
        parse(VERBS["run"], ["--experimental-rerun", "config.pickle"])


def test_options_that_exclude_each_other_are_refused():
    with pytest.raises(ConfigError, match="--multirun and --cfg cannot be combined"):
        parse(VERBS["run"], ["-m", "--cfg", "job"])


def test_words_that_are_not_utf_8_are_refused_where_they_are_recorded():
    word = "corpus.sources.mine.path=/tmp/\udcff.txt"
    with pytest.raises(ConfigError, match="is not valid UTF-8"):
        parse(VERBS["run"], [word])
    parse(VERBS["predict"], ["MODEL", "/tmp/\udcff.txt"])


def test_a_run_composes_its_configuration_once(jpt, monkeypatch):
    load, calls = ConfigLoaderImpl.load_configuration, []
    monkeypatch.setattr(ConfigLoaderImpl, "load_configuration",
                        lambda *given, **named: calls.append(1) or load(*given, **named))
    assert jpt("prepare", "corpus=toy", "dry_run=true").code == 0
    assert len(calls) == 1


def test_a_file_may_make_a_command_a_sweep(jpt, tmp_path):
    (tmp_path / "own/experiment").mkdir(parents=True)
    (tmp_path / "own/experiment/mine.yaml").write_text(
        "# @package _global_\nhydra: {mode: MULTIRUN, sweeper: {params: {seed: '3,4'}}}\n", encoding="utf-8")
    done = jpt("prepare", "corpus=toy", "dry_run=true", "+experiment=mine", "--config-dir=own")
    assert done.code == 0 and "#0" in done.out and "#1" in done.out, done.out
