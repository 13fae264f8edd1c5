"""Settings that nothing reads are one line and exit code 2 where a user gave them; presets may set them."""

from __future__ import annotations

import pytest

from jptransfer.config import Config
from jptransfer.config.describe import settings

RUN = ("run", "task=toy_sentiment", "model=bert_tiny", "lm=none", "tokenizer=byte", "dry_run=true")
KIM, CRF = "finetuning.encoder.head.kim_cnn.filters", "finetuning.encoder.head.crf.constraints"


@pytest.mark.parametrize("word", [f"{KIM}=9", "finetuning.encoder.head={kim_cnn: {filters: 9}}",
                                  "+finetuning.encoder.head={kim_cnn: {filters: 9}}"])
def test_a_setting_of_a_head_that_is_not_chosen_is_refused(jpt, word):
    result = jpt(*RUN, "finetuning.encoder.head.name=pooled", word)
    assert result.code == 2 and result.err == (
        f"error: {KIM}: only head 'kim_cnn' reads it, and here the head is 'pooled'; leave it out, or give "
        "finetuning.encoder.head.name=kim_cnn\n")


@pytest.mark.parametrize("words", [
    ["tokenizer.vocab_size=300"], ["model=linear_tfidf", "finetuning.encoder.epochs=2"],
    ["task.conll_file.tag_column=1"], ["corpus=toy", "pretraining.objective.causal.ar=1.0"]])
def test_so_are_those_of_tokenizers_learners_readers_and_objectives(jpt, words):
    result = jpt(*RUN, *words)
    assert result.code == 2 and "reads it" in result.err.replace("does not read it", "reads it")
    assert result.err.startswith(f"error: {words[-1].partition('=')[0]}: ") and result.err.count("\n") == 1


def test_presets_may_set_what_is_not_chosen(jpt, tmp_path):
    own = tmp_path / "own" / "finetuning"
    own.mkdir(parents=True)
    (own / "mine.yaml").write_text("tfidf: {c: [1.0]}\nencoder: {head: {crf: {constraints: false}}}\n")
    result = jpt(*RUN, "--config-dir=own", "finetuning=mine")
    assert result.code == 0, result.err


ROWS = "rows={a: [model=linear_tfidf], b: []}"


def test_one_row_that_reads_a_setting_is_enough_but_a_rows_own_are_its_own(jpt):
    assert jpt(*RUN, ROWS, "finetuning.tfidf.c=[1.0]", "finetuning.encoder.epochs=1").code == 0
    only = jpt(*RUN, ROWS, "only=[b]", "finetuning.tfidf.c=[1.0]")
    assert only.code == 2 and "only learner 'tfidf' reads it" in only.err
    own = jpt(*RUN, "rows={a: [model=linear_tfidf, finetuning.encoder.epochs=1], b: []}")
    assert own.code == 2 and own.err.startswith("error: rows.a: finetuning.encoder.epochs: only learner 'encoder'")


def test_a_model_that_is_taken_in_may_read_it(jpt):
    build = "transfer.build=[task=toy_sentiment,finetuning.encoder.head.name=kim_cnn]"
    words = [*RUN, f"{KIM}=9", "finetuning.encoder.head.name=pooled"]
    assert jpt(*words, "transfer.groups=[encoder]", build).code == 0
    assert jpt(*words, "ensemble={other: [finetuning.encoder.head.name=kim_cnn]}").code == 0
    assert jpt(*words, "ensemble={other: [seed=7]}").code == 2
    own = jpt(*RUN, f"ensemble={{other: [{CRF}=false]}}")
    assert own.code == 2 and own.err.startswith(f"error: ensemble.other: {CRF}: only head 'crf' reads it")


def experiment(folder, head: str) -> None:
    (folder / "own" / "experiment").mkdir(parents=True)
    (folder / "own" / "experiment" / "mine.yaml").write_text(
        "# @package _global_\ndefaults: [override /task: toy_sentiment, override /model: bert_tiny, "
        "override /tokenizer: byte, _self_]\nlm: none\n"
        f"finetuning: {{encoder: {{head: {{name: {head}, kim_cnn: {{filters: 7}}}}}}}}\n")


def test_an_experiments_file_is_held_to_what_it_says_itself(jpt, tmp_path):
    experiment(tmp_path, "pooled")
    words = ("run", "--config-dir=own", "+experiment=mine", "dry_run=true")
    result = jpt(*words)
    assert result.code == 2 and result.err.startswith(f"error: experiment=mine: {KIM}: only head 'kim_cnn' reads it")
    assert jpt(*words, "finetuning.encoder.head.name=kim_cnn").code == 0
    several = jpt("run", "--config-dir=own", "+experiment=[quickstart_ner,mine]", "dry_run=true")
    assert several.code == 2 and several.err.startswith(f"error: experiment=mine: {KIM}: ")


def test_choices_on_the_command_line_ask_for_no_change_of_the_file(jpt, tmp_path):
    experiment(tmp_path, "kim_cnn")
    words = ("run", "--config-dir=own", "+experiment=mine", "dry_run=true")
    assert jpt(*words, "finetuning.encoder.head.name=pooled").code == 0
    assert jpt(*words, "model=linear_tfidf").code == 0
    assert jpt(*words, "model=linear_tfidf", f"{KIM}=9").code == 2


def test_one_job_of_a_sweep_that_reads_a_setting_is_enough(jpt):
    heads = "finetuning.encoder.head.name=kim_cnn,pooled"
    assert "2 jobs done" in jpt(*RUN, "-m", heads, f"{KIM}=9").out
    refused = jpt(*RUN, "-m", heads, f"{CRF}=false")
    assert refused.code == 2 and not refused.out
    assert refused.err.startswith(f"error: {CRF}: only head 'crf' reads it, and here the head is 'kim_cnn'")
    later = jpt(*RUN, "-m", "hydra.sweeper.max_batch_size=1", "finetuning.encoder.head.name=pooled,kim_cnn", f"{KIM}=9")
    assert "2 jobs done" in later.out


def test_one_trial_of_a_search_that_can_read_a_setting_is_enough(jpt):
    search = ("finetune", *RUN[1:], "-m", "hydra/sweeper=optuna", "hydra.sweeper.n_trials=1")
    filters = f"{KIM}=int(interval(8,9))"
    assert "1 job done" in jpt(*search, "finetuning.encoder.head.name=choice(pooled,kim_cnn)", filters).out
    refused = jpt(*search, filters)
    assert refused.code == 2 and "only head 'kim_cnn' reads it" in refused.err


SUITE = """
title: Two models
scales:
  toy: {seeds: [0], overrides: [task=toy_sentiment, tokenizer=byte, lm=none, finetuning.encoder.epochs=1, OTHER]}
columns: {reviews: {title: Reviews}}
rows: {linear: {overrides: [model=linear_tfidf]}, bert: {overrides: [model=bert_tiny]}}
"""


def test_one_cell_of_a_suite_that_reads_a_setting_is_enough(jpt, tmp_path):
    words = ("reproduce", "mine.yaml", "dry_run=true")
    (tmp_path / "mine.yaml").write_text(SUITE.replace(", OTHER", ""))
    assert jpt(*words).code == 0
    assert jpt(*words, "overrides=[finetuning.tfidf.c=[1.0]]").code == 0
    refused = jpt(*words, f"overrides=[{CRF}=false]")
    assert refused.code == 2 and refused.err.startswith(f"error: overrides: no cell reads {CRF}=false; ")
    (tmp_path / "mine.yaml").write_text(SUITE.replace("OTHER", f"{KIM}=3"))
    refused = jpt(*words)
    assert refused.code == 2 and f"no cell reads {KIM}=3" in refused.err
    assert jpt(*words, "overrides=[finetuning.encoder.head.name=kim_cnn]").code == 0


def test_the_paths_of_this_module_are_settings():
    assert {KIM, CRF} <= {one.path for one in settings(Config)}
