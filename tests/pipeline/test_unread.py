"""Which settings a configuration reads of those of families' members."""

from __future__ import annotations

from dataclasses import replace

import pytest

from jptransfer.config import Config, CorpusConfig, FinetuningConfig, HeadConfig, SourceConfig, TaskConfig
from jptransfer.config.describe import settings
from jptransfer.pipeline.unread import depends_on_choices, unread

TASK = TaskConfig(name="t", dataset="text_file")
BERT = Config(task=TASK, lm="none")
AWD = replace(BERT, model=replace(BERT.model, architecture="awd_lstm"))
LINEAR = replace(BERT, model=replace(BERT.model, architecture="linear_tfidf"))
TAGGER = replace(AWD, task=replace(TASK, kind="ner"))
GIVEN = replace(BERT, lm="folder")


def headed(name: str) -> Config:
    encoder = replace(BERT.finetuning.encoder, head=HeadConfig(name))
    return replace(BERT, finetuning=replace(BERT.finetuning, encoder=encoder))


@pytest.mark.parametrize(("config", "path", "reason"), [
    (headed("crf"), "finetuning.encoder.head.crf.constraints", ""),
    (headed("pooled"), "finetuning.encoder.head.crf.constraints", "only head 'crf' reads it, and here the head is 'po"),
    (headed("pooled"), "finetuning.encoder.head.crf", "give finetuning.encoder.head.name=crf"),
    (headed("pooled"), "finetuning.encoder.head.dropout", ""),
    (BERT, "finetuning.encoder.head.pooled.pooling", "the head is the encoder's own"),
    (AWD, "finetuning.encoder.head.concat_pooling.hidden", ""),
    (AWD, "finetuning.encoder.head.pooled.pooling", "the head is 'concat_pooling'"),
    (TAGGER, "finetuning.encoder.head.concat_pooling.hidden", "the head is 'token'"),
    (GIVEN, "finetuning.encoder.head.pooled.pooling", ""),
    (GIVEN, "model.awd_lstm.hidden", ""),
    (BERT, "model.awd_lstm.hidden", "the model architecture is 'bert'"),
    (BERT, "finetuning.tfidf.c", "the learner is 'encoder'"),
    (LINEAR, "finetuning.tfidf.c", ""),
    (LINEAR, "finetuning.encoder.epochs", "only learner 'encoder' reads it"),
    (LINEAR, "finetuning.encoder.head.crf.constraints", "only learner 'encoder' reads it"),
    (BERT, "task.conll_file.token_column", "the data set is 'text_file'"),
    (Config(), "task.conll_file.token_column", "the data set is not chosen"),
    (Config(), "finetuning.encoder.head.crf.constraints", ""),
    (BERT, "probe.sentiment_unit.top", "the probe is not chosen"),
    (BERT, "pretraining.objective.causal.ar", "the objective is 'mlm'"),
    (BERT, "pretraining.schedule.warmup", ""),
    (BERT, "tokenizer.views.romanize", "the tokenizer is 'wordpiece'"),
    (BERT, "tokenizer.source", "tokenizer 'wordpiece' does not read it, but these do: pretrained"),
    (BERT, "tokenizer.vocab_size", ""),
    (BERT, "corpus.sources.none.csv.quotes", ""),
    (BERT, "no.such.setting", "")])
def test_members_read_their_settings_and_those_of_the_family(config, path, reason):
    why = unread(path, config)
    assert reason in why and bool(why) == bool(reason)
    assert why.startswith(f"{path}: ") or not why


def test_entries_of_tables_are_asked_one_by_one():
    sources = {"a": SourceConfig("a.csv", "csv"), "b": SourceConfig("b.txt")}
    config = Config(corpus=CorpusConfig(sources=sources))
    assert not unread("corpus.sources.a.csv.quotes", config) and not unread("corpus.sources.a.columns", config)
    assert "source format is 'text'" in unread("corpus.sources.b.csv.quotes", config)
    assert "source format 'text' does not read it" in unread("corpus.sources.b.columns", config)


def test_a_step_that_is_not_listed_is_not_read():
    assert not unread("corpus.cleaning.steps", BERT) and not unread("corpus.cleaning.min_chars", BERT)


def test_what_does_not_depend_on_a_choice_is_always_read():
    paths = [one.path for one in settings(Config) if "<name>" not in one.path]
    free = [path for path in paths if not depends_on_choices(path)]
    assert {"seed", "lm", "tokenizer.kind", "corpus.max_bytes", "finetuning.learner"} <= set(free)
    assert not {"tokenizer.vocab_size", "finetuning.encoder.epochs", "model.bert.hidden"} & set(free)
    assert not [path for path in free for config in (BERT, LINEAR, TAGGER) if unread(path, config)]
    assert FinetuningConfig().learner == ""
