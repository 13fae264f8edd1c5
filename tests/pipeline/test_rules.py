"""Every rule between sections is found while a run is planned, and nothing is built then."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from omegaconf import OmegaConf

from jptransfer.artifacts import Store
from jptransfer.config import Config
from jptransfer.errors import ConfigError, JptError
from jptransfer.pipeline import Run, targets
from jptransfer.pipeline.rules import RULES, base

pytestmark = pytest.mark.slow

TASK = ["corpus.sources.a.format=task", "corpus.sources.a.path=''"]
ENCODER, ADAPTED = "finetuning.encoder.", ["lm=adapted", "domain.sources={}"]
NER = ["task.kind=ner", "task.dataset=conll_file"]
CASES: list[tuple[str, list[str], str]] = [
    ("prepare", ["corpus.validation_fraction=.5", "corpus.test_fraction=.5"],
     "^corpus.validation_fraction and .* nothing for training"),
    ("run", ["domain.max_bytes=9", "domain.sources.a.weight=0"], "^domain.max_bytes is divided by .* them are 0"),
    ("prepare", ["corpus.sources.a.path=''"], "^corpus.sources.a.path is empty: name a file"),
    ("prepare", ["domain.sources.a.format=jsn"], "^domain.sources.a.format: .*did you mean 'json"),
    ("prepare", [*TASK, "task.dataset=''"], "^corpus is the text of the task, but there is none"),
    ("prepare", ["corpus.sources.a.format=task"], "^corpus.sources.a.path: format task reads the task$"),
    ("prepare", [*TASK, "corpus.sources.a.split=test"], "^corpus.sources.a.split: only the training split"),
    ("finetune", ["corpus.sources={}", "lm=none"], "^corpus.sources is empty, but the tokenizer is trained on it"),
    ("adapt", ["adaptation.vocabulary=migrate", "tokenizer.kind=byte"], "migrate: kind byte is not trained on text"),
    ("run", ["lm=hf:org/bert@0123456789012345678901234567890123456789"], "^corpus: lm=.* names a model"),
    ("pretrain", ["pretraining.vocabulary=migrate"], "^pretraining.vocabulary: only adaptation"),
    ("adapt", ["adaptation.init_from=abc"], "^adaptation.init_from: .* give pretraining.init_from=abc"),
    ("adapt", ["corpus.sources={}", "tokenizer.kind=byte"], "there is no language model to adapt"),
    ("pretrain", ["pretraining.objective.name=causal"], "^pretraining.objective.name: 'causal' does not train bert"),
    ("run", ["adaptation.objective.name=bilm"], "^adaptation.objective.name: .*, which takes: mlm"),
    ("run", ["pretraining.max_length=600"], "^pretraining.max_length=600 is more than the model's 512 positions"),
    ("run", ["adaptation.phases={long: {max_length: 700}}"], "^adaptation.phases.long.max_length=700 is more than"),
    ("run", ["domain.sources={}", "model.architecture=awd_lstm", "pretraining.objective.name=causal",
             "pretraining.phases={long: {max_length: 64}}"], "^pretraining.phases.long: .* not for objective causal"),
    ("run", ["pretraining.phases={top: {unfreeze: [char]}}"], "^phase 'top': unfreeze: unknown layer group 'char'"),
    ("run", ["lm=none", "model.architecture=bilstm_tagger", *NER], "bilstm_tagger reads tokenizers of kind"),
    ("run", ["model.bert.hidden=10", "model.bert.heads=3"], "^model.bert.hidden=10 is not a multiple of .*heads=3"),
    ("prepare", ["task.kind=regression", "task.labels=[a]"], "^task.labels: a task of kind regression has no labels"),
    ("prepare", ["task.files={trian: a}"], "^task.files: unknown role 'trian' .did you mean 'train'"),
    ("prepare", ["task.dataset=long_tail", "task.files={all: a}"], "^task.files: data set 'long_tail' does not read"),
    ("prepare", ["task.dataset=livedoor", "task.text_pair_column=b"], "^task.text_pair_column: .* no second texts"),
    ("prepare", ["task.text_pair_column=text"], "^task.text_pair_column=text is task.text_column too; it must be"),
    ("prepare", ["task.label_column=text"], "^task.label_column=text is task.text_column too; it must be another one"),
    ("prepare", ["task.dataset=yahoo_movies", "task.label_column=text"], "^task.label_column=text is task.text_column"),
    ("prepare", ["task.kind=ner"], "^task.kind: data set 'text_file' has no examples for kind 'ner'"),
    ("finetune", ["evaluation.metrics=[entity_f1]"], "^evaluation.metrics: unknown metric of a classification task"),
    ("prepare", ["task.word_source=tokenizer"], "^task.word_source: it is for tagged texts"),
    ("finetune", ["finetuning.learner=tfidf"], "^finetuning.learner=tfidf: models of architecture bert are trained by"),
    ("features", NER, "^features are vectors of whole texts, and this task .ner. asks for every token"),
    ("features", ["features.states=cell"], "^features.states=cell: bert has no cells; leave it out .null."),
    ("features", ["features.max_length=600"], "^features.max_length=600, but the model has 512 positions"),
    ("finetune", ADAPTED, "^domain.sources is empty, but lm=adapted"),
    ("finetune", ["lm=pretrained", "corpus.sources={}", "tokenizer.kind=byte"], "^corpus.sources is empty, but lm"),
    ("finetune", ["lm=adapted", "model.architecture=embedding"], "^lm=adapted: .*embedding has no language model"),
    ("finetune", ["model.architecture=fasttext", *NER], "^model=fasttext is for classification"),
    ("finetune", ["task.kind=regression", f"{ENCODER}label_smoothing=.1"], "label_smoothing: .* has no labels"),
    ("finetune", [f"{ENCODER}head.name=crf"], "head 'crf' scores every token, and this task is classification"),
    ("finetune", ["model.architecture=fasttext", "transfer.groups=[head]"], "^transfer.groups: fasttext has no layer"),
    ("finetune", [f"{ENCODER}freeze=[encoder, head]"], "^finetuning.encoder.freeze leaves nothing to learn"),
    ("finetune", [f"{ENCODER}freeze=[embedings]"], "^finetuning.encoder.freeze: unknown layer group 'embedings'"),
    ("finetune", [f"{ENCODER}ar=2"], "^finetuning.encoder.ar: it is for recurrent language models"),
    ("finetune", ["lm=none", "model.architecture=awd_lstm", f"{ENCODER}bptt=9", *NER],
     "^finetuning.encoder.bptt: the head sees the end of a text"),
    ("finetune", [*NER, f"{ENCODER}head.name=crf", f"{ENCODER}class_weights=balanced"],
     "^finetuning.encoder.class_weights: head crf decides tags together"),
    ("finetune", [*NER, f"{ENCODER}head.name=crf", f"{ENCODER}label_smoothing=.1"],
     "^finetuning.encoder.label_smoothing: head crf decides tags together"),
    ("finetune", [f"{ENCODER}head.name=rcnn"], "rcnn reads the states of a recurrent net of both directions"),
    ("finetune", [f"{ENCODER}head.scalar_mix=true"], "scalar_mix: the head that transformers has"),
    ("finetune", [f"{ENCODER}max_length=513"], "^finetuning.encoder.max_length=513, but the model has 512 positions"),
    ("finetune", [f"{ENCODER}head.name=temporal_cnn", f"{ENCODER}head.temporal_cnn.length=64"], "has 64 positions"),
    ("finetune", ["model.architecture=linear_tfidf", "finetuning.tfidf.c=[1, -1]"], "^finetuning.tfidf.c: one pos"),
    ("finetune", [f"{ENCODER}metric_for_best_model=entity_f1"], "metric_for_best_model: unknown metric of a classific"),
    ("eval", ["evaluation.oracle_epoch=true"], "^evaluation.oracle_epoch: it needs a single model"),
    ("eval", [*NER, "ensemble={b: [seed=1]}"], "^ensemble: it averages .* ner have no average"),
    ("run", ["evaluation.metrics=[entity_f1]"], "^evaluation.metrics: unknown metric of a classification task"),
    ("report", ["report.metric=entity_f1"], "^report.metric: unknown metric of a classification task"),
]


def changed(config: Config, overrides: list[str]) -> Config:
    """Return a copy of the configuration with values set as on the command line."""
    made = OmegaConf.structured(config)
    for override in overrides:
        path, _, text = override.partition("=")
        value = yaml.safe_load(text)
        OmegaConf.update(made, path, value, merge=isinstance(value, dict) and bool(value))
    found = OmegaConf.to_object(made)
    assert isinstance(found, Config)
    return found


@pytest.mark.parametrize(("verb", "overrides", "message"), CASES, ids=[" ".join(one) for _, one, _ in CASES])
def test_a_rule_is_checked_before_anything_is_built(config: Config, store: Store, tmp_path: Path, verb: str,
                                                    overrides: list[str], message: str) -> None:
    run = Run("main", 0, changed(config, overrides))
    with pytest.raises(ConfigError, match=message):
        targets(verb, [run], store, "test")
    assert store.all() == [] and not list(store.work.glob("*"))


@pytest.mark.parametrize(("rows", "overrides", "message"), [
    ("body\tlabel\na\tb\n", [], r"task.tsv: unknown column 'text'; there are: body, label .task.text_column"),
    ("text\tlabels\na\tb\n", [], r"unknown column 'label'.*did you mean 'labels'.*task.label_column"),
    ("text\tlabel\na\tb\n", ["task.text_pair_column=labe"], r"unknown column 'labe'.*task.text_pair_column"),
    ("text\tlabel\na\tb\n", ["task.text_file.id_column=id"], r"unknown column 'id'.*task.text_file.id_column"),
    ("text\tlabel\na\tgood\n", ["task.kind=regression"], r"task.tsv:2: label: .*good.* .task.label_column"),
    ("text\tlabels\na\tb\n", ["task.dataset=yahoo_movies", "task.files={all: FILE}"], "unknown column 'label'"),
])
def test_columns_are_looked_up_before_anything_is_built(config: Config, store: Store, tmp_path: Path, rows: str,
                                                        overrides: list[str], message: str) -> None:
    (tmp_path / "task.tsv").write_text(rows)
    overrides = [one.replace("FILE", str(tmp_path / "task.tsv")) for one in overrides]
    with pytest.raises(JptError, match=message):
        targets("prepare", [Run("main", 0, changed(config, overrides))], store, "test")
    assert store.all() == []


def test_every_rule_has_a_case(config: Config, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    broken: set[str] = set()

    def watched(rule: base.Rule) -> base.Rule:
        def check(one: Config) -> str | None:
            try:
                message = rule.check(one)
            except ConfigError:
                broken.add(rule.check.__name__)
                raise
            broken.update([rule.check.__name__] if message else [])
            return message

        return base.Rule(rule.nodes, check)

    monkeypatch.setattr(base, "RULES", [watched(rule) for rule in RULES])
    for verb, overrides, _ in CASES:
        with pytest.raises(ConfigError):
            targets(verb, [Run("main", 0, changed(config, overrides))], store, "test")
    assert broken == {rule.check.__name__ for rule in RULES}


def test_a_verb_does_not_read_rules_of_later_stages(config: Config, store: Store) -> None:
    wrong = changed(config, [f"{ENCODER}max_length=513", "evaluation.metrics=[entity_f1]"])
    assert targets("pretrain", [Run("main", 0, wrong)], store, "test")
