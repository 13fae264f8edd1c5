"""Which stages a configuration needs, and what their identities depend on."""

from __future__ import annotations

import json
import os
from copy import deepcopy
from dataclasses import replace
from functools import reduce
from pathlib import Path

import pytest
import yaml

from jptransfer.artifacts import Store
from jptransfer.artifacts.fingerprint import External
from jptransfer.config import (
    Config,
    CorpusRole,
    Device,
    FinetuningConfig,
    HeadConfig,
    OnError,
    PhaseConfig,
    RuntimeConfig,
    ScheduleConfig,
    SourceConfig,
    SubsetConfig,
    TokenizerConfig,
    TransferConfig,
    TruncationSide,
    VocabularyPolicy,
)
from jptransfer.errors import ConfigError
from jptransfer.learners.encoder_settings import EncoderFinetuningConfig
from jptransfer.pipeline import Run, StageGraph, build, make_plan, targets, upstream
from jptransfer.pipeline import external_inputs as places
from jptransfer.pipeline.external_inputs import digest_location
from jptransfer.pipeline.references import find_given_model
from jptransfer.registry import ALL, DATASETS, LEARNERS
from jptransfer.runtime import Runtime
from jptransfer.stages.adapt import plan_adapted
from jptransfer.stages.encode import plan_encoded, plan_encoded_domain
from jptransfer.stages.evaluate import plan_evaluation
from jptransfer.stages.finetune import plan_task_model, plan_task_models
from jptransfer.stages.prepare_corpus import plan_corpus, plan_domain
from jptransfer.stages.prepare_dataset import plan_dataset
from jptransfer.stages.pretrain import plan_language_model
from jptransfer.stages.tokenize import plan_domain_tokenizer, plan_tokenizer
from jptransfer.training.schedules.halving import HalvingConfig

from .conftest import small_config

COMMIT = "0123456789abcdef0123456789abcdef01234567"


def stages_behind(verb: str, config: Config, store: Store) -> list[str]:
    return [node.stage for node in upstream(targets(verb, [Run("main", 0, config)], store, "test"))]


def test_the_whole_chain_inputs_first(config: Config, store: Store) -> None:
    order = stages_behind("run", config, store)
    assert sorted(order) == sorted(["prepare_corpus", "prepare_corpus", "prepare_dataset", "tokenize", "encode",
                                    "encode", "pretrain", "adapt", "finetune", "evaluate", "report"])
    for earlier, later in [("tokenize", "encode"), ("encode", "pretrain"), ("pretrain", "adapt"), ("adapt", "finetune"),
                           ("prepare_dataset", "finetune"), ("finetune", "evaluate"), ("evaluate", "report")]:
        assert order.index(earlier) < order.index(later)


def test_a_linear_model_needs_no_language_model(config: Config, store: Store) -> None:
    config.model.architecture = "linear_tfidf"
    assert stages_behind("eval", config, store) == ["prepare_dataset", "finetune", "evaluate"]


def test_from_scratch_needs_a_tokenizer_only(config: Config, store: Store) -> None:
    config.lm = "none"
    assert stages_behind("finetune", config, store) == ["prepare_dataset", "prepare_corpus", "tokenize", "finetune"]


def test_starts_differ_in_what_they_need(config: Config, store: Store) -> None:
    chains = {}
    for start in ("none", "pretrained", "adapted", "auto"):
        chains[start] = plan_task_model(StageGraph(replace(config, lm=start), store))
    ids = {start: node.id for start, node in chains.items() if node}
    assert ids["auto"] == ids["adapted"]
    assert len(set(ids.values())) == 3


def test_identity_is_the_same_wherever_the_files_lie(tmp_path: Path, store: Store) -> None:
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    one, two = (targets("run", [Run("main", 0, small_config(tmp_path / name))], store, "t") for name in ("one", "two"))
    assert one[0].fingerprint == two[0].fingerprint
    (tmp_path / "two" / "corpus.txt").write_text("別の文です。\n")
    assert targets("run", [Run("main", 0, small_config(tmp_path / "one"))], store, "t")[0].id == one[0].id


def test_runtime_and_labels_never_count_seed_and_steps_do(config: Config, store: Store) -> None:
    base = plan_evaluation(StageGraph(config, store))
    runtime = RuntimeConfig(device=Device.cpu, processes=4, workers=3, compile=True)
    same = replace(config, runtime=runtime, name="other", outputs_root="elsewhere",
                   corpus=replace(config.corpus, name="renamed"))
    assert plan_evaluation(StageGraph(same, store)).id == base.id
    assert plan_evaluation(StageGraph(replace(config, seed=1), store)).id != base.id
    longer = replace(config, pretraining=replace(config.pretraining, max_steps=7))
    assert plan_evaluation(StageGraph(longer, store)).id != base.id


def test_seeds_share_one_language_model(config: Config, store: Store) -> None:
    runs = [Run("main", seed, replace(config, seed=seed)) for seed in range(3)]
    nodes = list(upstream(targets("run", runs, store, "t")))
    assert [node.stage for node in nodes].count("adapt") == 1
    assert [node.stage for node in nodes].count("finetune") == 3


def test_a_corpus_is_the_same_as_corpus_or_domain(config: Config, store: Store) -> None:
    both = replace(config, domain=config.corpus)
    chain = StageGraph(both, store)
    assert plan_corpus(chain).id == plan_domain(chain).id


def test_hub_start_brings_its_own_tokenizer_and_needs_no_network_for_a_commit(config: Config, store: Store) -> None:
    config.lm, config.corpus, config.domain = f"hf:org/bert@{COMMIT}", Config().corpus, Config().domain
    chain = StageGraph(config, store)
    assert plan_task_model(chain).recipe["inputs"]["language_model"] == f"hub:org/bert@{COMMIT}"
    assert plan_tokenizer(chain).recipe["config"]["tokenizer"]["kind"] == "pretrained"
    assert plan_tokenizer(chain).recipe["inputs"] == {
        "tokenizer.source": f"hub:org/bert@{COMMIT}", "tokenizer.segmenter.dictionary": "package:unidic-lite==1.0.8"}


def foreign(folder: Path) -> str:
    folder.mkdir()
    (folder / "config.json").write_text("{}")
    return str(folder)


def test_what_a_foreign_start_is_cut_with(config: Config, store: Store, tmp_path: Path) -> None:
    start, other = foreign(tmp_path / "bert"), foreign(tmp_path / "other")
    (tmp_path / "other" / "vocab.txt").touch()
    config.lm = start
    unread = replace(config, tokenizer=TokenizerConfig(name="toy", vocab_size=99))
    named = replace(config, tokenizer=TokenizerConfig(kind="pretrained", source=start))
    another = replace(config, tokenizer=TokenizerConfig(kind="pretrained", source=other))
    ids = [plan_tokenizer(StageGraph(one, store)).id for one in (config, unread, named, another)]
    assert ids[0] == ids[1] == ids[2] != ids[3]
    assert plan_tokenizer(StageGraph(unread, store)).name == "pretrained"


@pytest.mark.parametrize(("lm", "message"), [
    ("{here}", r"holds no model of transformers \(no config.json\)"),
    ("org/bert", "hf:org/bert$"),
    ("pretraned", r"\(did you mean 'pretrained'\?\); it takes none,"),
])
def test_a_start_that_is_none(config: Config, store: Store, tmp_path: Path, lm: str, message: str) -> None:
    config.lm = lm.format(here=tmp_path)
    with pytest.raises(ConfigError, match=message):
        plan_task_model(StageGraph(config, store))


def test_adaptation_has_no_start_of_its_own(config: Config, store: Store) -> None:
    config.adaptation.init_from = "hf:org/bert"
    with pytest.raises(ConfigError, match="give pretraining.init_from=hf:org/bert"):
        plan_adapted(StageGraph(config, store))
    config.corpus = Config().corpus
    with pytest.raises(ConfigError, match="adaptation.init_from: "):
        plan_adapted(StageGraph(config, store))
    config.adaptation.init_from, config.tokenizer.kind = "scratch", "byte"
    with pytest.raises(ConfigError, match="corpus=toy, or give pretraining.init_from"):
        plan_adapted(StageGraph(config, store))


@pytest.mark.parametrize("path", ["org/texts", "hf:org/texts", "hf:org/texts@main"])
def test_stages_read_the_commit_of_the_identity(config: Config, store: Store, monkeypatch, path: str) -> None:
    monkeypatch.setattr(places, "hub_commit", lambda reference, kind: {"dataset": COMMIT, "model": COMMIT[::-1]}[kind])
    config.corpus.sources["a"] = SourceConfig(path=path, format="hf")
    config.tokenizer = TokenizerConfig(kind="pretrained", source="hf:org/bert")
    chain = StageGraph(config, store)
    assert plan_corpus(chain).recipe["inputs"] == {"corpus.sources.a.path": f"hub-dataset:org/texts@{COMMIT}"}
    assert plan_corpus(chain).config.corpus.sources["a"].path == f"hf:org/texts@{COMMIT}"
    assert plan_tokenizer(chain).config.tokenizer.source == f"hf:org/bert@{COMMIT[::-1]}"
    assert config.tokenizer.source == "hf:org/bert"


@pytest.mark.parametrize(("change", "message"), [
    (lambda c: replace(c.corpus.sources["a"], path="/nowhere/x.txt"), "corpus.sources.a.path: no such file"),
])
def test_a_missing_file_is_named_with_its_field(config: Config, store: Store, change, message: str) -> None:
    config.corpus.sources["a"] = change(config)
    with pytest.raises(ConfigError, match=message):
        targets("prepare", [Run("main", 0, config)], store, "t")


def test_a_missing_file_may_be_skipped(config: Config, store: Store, tmp_path: Path) -> None:
    config.corpus.sources["b"] = replace(config.corpus.sources["a"], path=str(tmp_path / "late.txt"))
    config.corpus.on_error = OnError.skip
    before = plan_corpus(StageGraph(config, store))
    assert before.recipe["inputs"]["corpus.sources.b.path"] == "missing"
    (tmp_path / "late.txt").write_text("後から来た文です。\n")
    assert plan_corpus(StageGraph(config, store)).id != before.id


def test_a_misspelt_file_names_the_nearest(config: Config, store: Store, tmp_path: Path) -> None:
    config.domain.sources["a"].path = str(tmp_path / "domian.txt")
    with pytest.raises(ConfigError, match=r"domain.sources.a.path.*did you mean .*domain\.txt"):
        targets("prepare", [Run("main", 0, config)], store, "t")


def test_asking_for_what_is_not_described(config: Config, store: Store) -> None:
    with pytest.raises(ConfigError, match="domain=toy"):
        targets("adapt", [Run("main", 0, replace(config, domain=Config().domain))], store, "t")
    with pytest.raises(ConfigError, match="quickstart"):
        targets("run", [Run("main", 0, Config())], store, "t")
    with pytest.raises(ConfigError, match="lm: no artifact 'abc123'"):
        targets("eval", [Run("main", 0, replace(config, lm="abc123"))], store, "t")


def test_a_converted_vocabulary_is_the_domains_from_adaptation_on(config: Config, store: Store) -> None:
    kept = StageGraph(config, store)
    config.adaptation.vocabulary = VocabularyPolicy.migrate
    chain = StageGraph(config, store)
    assert plan_language_model(chain).id == plan_language_model(kept).id
    assert plan_encoded(chain).inputs["tokenizer"] is plan_tokenizer(chain)
    assert plan_domain_tokenizer(chain).inputs["corpus"] is plan_domain(chain)
    for node in (plan_encoded_domain(chain), plan_adapted(chain), plan_task_model(chain)):
        assert node.inputs["tokenizer"] is plan_domain_tokenizer(chain)
    assert plan_adapted(chain).inputs["start"] is plan_language_model(chain)
    before = plan_task_model(StageGraph(replace(config, lm="pretrained"), store))
    plain = replace(config, lm="pretrained", adaptation=Config().adaptation)
    assert before.id == plan_task_model(StageGraph(plain, store)).id
    assert len(targets("tokenize", [Run("main", 0, config)], store, "t")) == 2


def test_a_model_made_elsewhere_is_converted_to_the_tokenizer_described(config: Config, store: Store, tmp_path) -> None:
    config.pretraining.init_from, config.corpus = foreign(tmp_path / "bert"), Config().corpus
    config.adaptation.vocabulary = VocabularyPolicy.migrate
    chain = StageGraph(config, store)
    assert plan_tokenizer(chain).config.tokenizer.kind == "pretrained"
    assert plan_adapted(chain).inputs["tokenizer"].config.tokenizer.kind == "wordpiece"


def test_what_cannot_be_converted(config: Config, store: Store) -> None:
    config.adaptation.vocabulary = VocabularyPolicy.migrate
    config.tokenizer.kind = "byte"
    with pytest.raises(ConfigError, match="kind byte is not trained"):
        plan_adapted(StageGraph(config, store))
    config.tokenizer.kind, config.pretraining.vocabulary = "word", VocabularyPolicy.migrate
    with pytest.raises(ConfigError, match="pretraining.vocabulary: only adaptation"):
        plan_adapted(StageGraph(config, store))


def test_an_architecture_may_read_certain_tokenizers_only(config: Config, store: Store) -> None:
    config.model.architecture, config.lm = "elmo", "none"
    with pytest.raises(ConfigError, match=r"elmo reads tokenizers of kind views, not '\w+'; .* tokenizer=views"):
        plan_task_model(StageGraph(config, store))
    config.tokenizer.kind = "views"
    assert plan_task_model(StageGraph(config, store))


def test_the_domain_may_be_the_task(config: Config, store: Store) -> None:
    config.domain = replace(config.domain, sources={"task": SourceConfig(format="task")})
    chain = StageGraph(config, store)
    assert plan_domain(chain).inputs == {"dataset": plan_dataset(chain)}
    with pytest.raises(ConfigError, match="domain is the text of the task, but there is none"):
        plan_domain(StageGraph(replace(config, task=Config().task), store))


def test_a_reader_that_makes_something_else_makes_another_data_set(config: Config, store: Store, monkeypatch) -> None:
    before = plan_dataset(StageGraph(config, store))
    reader = DATASETS.entries[config.task.dataset]
    monkeypatch.setitem(DATASETS.entries, config.task.dataset, replace(reader, version=2))
    after = plan_dataset(StageGraph(config, store))
    assert "datasets:text_file" not in before.externals and before.fingerprint != after.fingerprint
    monkeypatch.setitem(DATASETS.entries, config.task.dataset, replace(reader, version=3))
    assert plan_dataset(StageGraph(config, store)).fingerprint not in (before.fingerprint, after.fingerprint)


@pytest.mark.parametrize(("kind", "name"), [("models", "bert"), ("heads", "self_attention")])
def test_a_part_that_makes_something_else_makes_another_task_model(config: Config, store: Store, monkeypatch,
                                                                   kind: str, name: str) -> None:
    encoder = EncoderFinetuningConfig(head=HeadConfig(name="self_attention"))
    config = replace(config, lm="none", finetuning=replace(config.finetuning, encoder=encoder))
    before = plan_task_model(StageGraph(config, store))
    monkeypatch.setitem(ALL[kind].entries, name, replace(ALL[kind].entries[name], version=2))
    after = plan_task_model(StageGraph(config, store))
    assert f"{kind}:{name}" not in before.externals and before.fingerprint != after.fingerprint
    assert before.inputs["dataset"].fingerprint == after.inputs["dataset"].fingerprint


def test_the_learner_is_the_architectures_unless_another_of_its_kind_is_chosen(config: Config, store: Store,
                                                                              monkeypatch) -> None:
    implied = plan_task_model(StageGraph(config, store))
    monkeypatch.setitem(LEARNERS.entries, "probe", replace(LEARNERS.entries["encoder"], settings=None))

    def with_learner(name: str) -> StageGraph:
        return StageGraph(replace(config, finetuning=replace(config.finetuning, learner=name)), store)

    assert plan_task_model(with_learner("encoder")).fingerprint == implied.fingerprint
    probe = plan_task_model(with_learner("probe"))
    assert probe.config.finetuning.learner == "probe" and probe.inputs.keys() == implied.inputs.keys()
    assert "encoder" not in probe.recipe["config"]["finetuning"]
    with pytest.raises(ConfigError, match="learner=tfidf: .* bert are trained by learner encoder or .* or probe"):
        plan_task_model(with_learner("tfidf"))


def changing(config: Config):
    """What adds overrides (of values alone) to a configuration, as the command line does."""
    def compose(overrides: list[str], anew: str = "") -> Config:
        made = deepcopy(config)
        for key, _, value in (override.partition("=") for override in overrides):
            *sections, name = key.split(".")
            owner = reduce(getattr, sections, made)
            (owner if isinstance(owner, dict) else vars(owner))[name] = yaml.safe_load(value)
        return made

    return compose


def test_an_ensemble_is_an_evaluation_of_its_own(config: Config, store: Store) -> None:
    alone, other = StageGraph(config, store), replace(config, seed=1)
    both = StageGraph(replace(config, ensemble={"one": ["seed=1"]}), store, changing(config))
    turned = StageGraph(replace(other, ensemble={"one": ["seed=0"]}), store, changing(other))
    assert plan_task_models(both)[0].id == plan_task_model(alone).id
    assert plan_task_models(both)[1].id == plan_task_model(StageGraph(other, store)).id
    assert len({plan_evaluation(chain).id for chain in (alone, StageGraph(other, store), both, turned)}) == 4
    named = StageGraph(replace(config, ensemble={"two": ["seed=1"]}), store, changing(config))
    assert plan_evaluation(named).id == plan_evaluation(both).id
    run = Run("main", 0, both.config, both.compose)
    order = [node.stage for node in upstream(targets("finetune", [run], store, "t"))]
    assert order.count("finetune") == 2


def test_members_have_the_seed_of_the_run_unless_they_name_one(config: Config, store: Store) -> None:
    longer = ["finetuning.encoder.epochs=9"]
    whole = replace(config, ensemble={"longer": longer, "other": ["seed=7"]})
    chain = StageGraph(replace(whole, seed=3), store, changing(whole))
    assert [node.config.seed for node in plan_task_models(chain)] == [3, 3, 7]
    assert plan_task_models(chain)[1].config.finetuning.encoder.epochs == 9


def test_the_best_test_epoch_needs_all_epochs_and_is_no_other_model(config: Config, store: Store) -> None:
    asked = replace(config, evaluation=replace(config.evaluation, oracle_epoch=True))
    with pytest.raises(ConfigError, match="save_every_epoch=true"):
        plan_evaluation(StageGraph(asked, store))
    encoder = replace(config.finetuning.encoder, save_every_epoch=True)
    kept = replace(config, finetuning=replace(config.finetuning, encoder=encoder))
    asked = replace(kept, evaluation=asked.evaluation)
    ids = [plan_task_model(StageGraph(one, store)).id for one in (asked, kept, config)]
    assert ids[0] == ids[1] != ids[2]
    assert plan_evaluation(StageGraph(asked, store)).id != plan_evaluation(StageGraph(kept, store)).id
    assert "save_every_epoch" not in str(plan_task_model(StageGraph(config, store)).recipe)
    assert "oracle_epoch" not in str(plan_evaluation(StageGraph(config, store)).recipe)
    with pytest.raises(ConfigError, match="a single model"):
        plan_evaluation(StageGraph(replace(asked, ensemble={"one": ["seed=1"]}), store, changing(asked)))


def test_the_seed_of_a_member_is_its_own_also_where_it_is_the_default(config: Config, store: Store) -> None:
    asked = replace(config, seed=3, ensemble={"one": ["seed=0"]})
    seeds = [node.config.seed for node in plan_task_models(StageGraph(asked, store, changing(config)))]
    assert seeds == [3, 0]


def test_what_cannot_be_an_ensemble(config: Config, store: Store) -> None:
    config.ensemble = {"same": []}
    with pytest.raises(ConfigError, match="two of its models are the same"):
        plan_evaluation(StageGraph(config, store, changing(config)))
    config.task.kind, config.task.dataset = "ner", "conll_file"
    with pytest.raises(ConfigError, match="ensemble: it averages predictions, and those of kind ner have no average"):
        plan_evaluation(StageGraph(config, store, changing(config)))


def lending(config: Config, build: list[str], groups: list[str]) -> Config:
    return replace(config, transfer=TransferConfig(build=build, groups=groups))


def test_the_source_of_a_transfer_is_planned_first_and_by_itself(config: Config, store: Store, tmp_path: Path) -> None:
    (tmp_path / "other.tsv").write_text("text\tlabel\n別の文\t1\n")
    config.finetuning.subset, config.finetuning.encoder.freeze = SubsetConfig(n=5, seed=6), ["embeddings"]
    build = [f"task.files.all={tmp_path / 'other.tsv'}"]
    whole = lending(config, build, ["head", "embeddings"])
    chain = StageGraph(replace(whole, seed=3), store, changing(whole))
    source = plan_task_model(chain).inputs["transfer"]
    assert source.config.seed == 0 and source.config.finetuning.subset.n is None and "transfer" not in source.inputs
    alone = replace(config, task=source.inputs["dataset"].config.task)
    alone.finetuning = FinetuningConfig()
    assert source.fingerprint == plan_task_model(StageGraph(alone, store)).fingerprint
    order = [node.id for node in upstream([plan_evaluation(chain)])]
    assert order.index(source.id) < order.index(plan_task_model(chain).id)


def test_the_seed_and_the_groups_of_a_transfer_count_and_their_order_does_not(config: Config, store: Store) -> None:
    def model(build: list[str], groups: list[str]):
        return plan_task_model(StageGraph(whole := lending(config, build, groups), store, changing(whole)))

    one, turned = model(["seed=4"], ["head", "layer.0"]), model(["seed=4"], ["layer.0", "head"])
    assert one.inputs["transfer"].config.seed == 4 and one.id == turned.id
    others = model(["seed=4"], []), model(["seed=4"], ["head"]), model(["seed=5"], ["head"])
    assert len({node.id for node in (one, *others)}) == 4


def test_without_groups_nothing_is_taken(config: Config, store: Store) -> None:
    none = lending(config, ["seed=9"], [])
    assert plan_task_model(StageGraph(none, store, changing(none))).id == plan_task_model(StageGraph(config, store)).id


def test_a_source_in_the_store(config: Config, store: Store, log: Path) -> None:
    plan = make_plan(targets("finetune", [Run("main", 0, config)], store, "t"), store)
    (made,) = build(plan, store, Runtime(), [])
    config.transfer = TransferConfig(source=made.id, groups=["head"])
    reference = plan_task_model(StageGraph(config, store)).inputs["transfer"]
    assert (reference.fingerprint, reference.folder()) == (made.manifest.fingerprint, made.path)
    by_build = lending(replace(config), [], ["head"])
    by_build.transfer.source = "build"
    same = StageGraph(by_build, store, changing(by_build))
    assert plan_task_model(same).fingerprint == plan_task_model(StageGraph(config, store)).fingerprint


@pytest.mark.parametrize(("transfer", "message"), [
    (TransferConfig(source="bild", groups=["head"]), r"transfer.source: no artifact 'bild' .*did you mean 'build'"),
    (TransferConfig(build=["lm=pretraned"], groups=["head"]), r"transfer.build: lm: .*did you mean 'pretrained'"),
    (TransferConfig(build=["model.architecture=tfidf"], groups=["head"]), r"transfer.build: model.architecture: unkn"),
    (TransferConfig(build=["model.architecture=linear_tfidf"], groups=["head"]), r"^transfer.build: .*no layer groups"),
])
def test_a_source_that_is_none(config: Config, store: Store, transfer: TransferConfig, message: str) -> None:
    config.transfer = transfer
    with pytest.raises(ConfigError, match=message):
        plan_task_model(StageGraph(config, store, changing(config)))


@pytest.mark.parametrize(("settings", "message"), [
    ({"freeze": ["embedings"]}, r"^finetuning.encoder.freeze: .*'embedings' \(did you mean 'embeddings'"),
    ({"phases": {"one": PhaseConfig(unfreeze=["char"])}}, r"^phase 'one': unfreeze: unknown layer group 'char'"),
    ({"phases": {"one": PhaseConfig(lr_multipliers={"layr.0": 1})}},
     r"^phase 'one': lr_multipliers: unknown layer group 'layr.0'"),
])
def test_wrong_layer_groups_are_told_before_anything_is_built(config: Config, store: Store, settings, message) -> None:
    config.finetuning.encoder = EncoderFinetuningConfig(**settings)
    with pytest.raises(ConfigError, match=message):
        plan_task_model(StageGraph(config, store))


def test_wrong_groups_of_a_transfer_are_told_before_its_source_is_built(config: Config, store: Store) -> None:
    for name, said in (("dens", "did you mean 'dense'"), ("word", "there are: dense, embeddings, encoder, head, ")):
        with pytest.raises(ConfigError, match=f"^transfer.groups: unknown layer group '{name}'.*{said}"):
            plan_task_model(StageGraph(lending(config, ["seed=1"], ["embeddings", name]), store, changing(config)))
    for fine in (["encoder"], ["last 2"], ["layer.0-3"], ["lay*"], ["pooler"], ["dense"], ["*"]):
        whole = lending(config, ["seed=1"], fine)
        assert plan_task_model(StageGraph(whole, store, changing(whole)))


@pytest.mark.parametrize(("architecture", "head", "kind", "message"), [
    ("linear_tfidf", "", "ner", "model=linear_tfidf is for classification, and this task is ner"),
    ("fasttext", "", "ner", "model=fasttext is for classification"),
    ("bert", "bcn", "ner", "head.name: head 'bcn' scores whole texts, and this task is ner; .* are: crf, token$"),
    ("bert", "token", "classification", "'token' scores every token, .* classification; .* there are: bcn, .*pooled"),
])
def test_what_does_not_answer_as_the_task_asks(config, store, architecture, head, kind, message) -> None:
    config.model.architecture, config.task.kind = architecture, kind
    config.task.dataset = "conll_file" if kind == "ner" else "text_file"
    config.finetuning.encoder.head = HeadConfig(head)
    with pytest.raises(ConfigError, match=message):
        plan_task_model(StageGraph(config, store))


def test_a_linear_model_takes_nothing(config: Config, store: Store) -> None:
    config.model.architecture = "linear_tfidf"
    with pytest.raises(ConfigError, match="linear_tfidf has no layer groups"):
        plan_task_model(StageGraph(lending(config, ["seed=1"], ["head"]), store, changing(config)))


@pytest.mark.parametrize("section, example", [
    ("corpus", r"corpus=toy, or train it on .* \(domain=task tokenizer"), ("domain", "domain=task$")])
def test_a_tokenizer_without_texts_names_where_to_take_some(config: Config, store: Store, section, example) -> None:
    config.corpus, config.domain, config.tokenizer.corpus = Config().corpus, Config().domain, CorpusRole[section]
    with pytest.raises(ConfigError, match=f"^{section}.sources is empty, .* for example {example}"):
        plan_tokenizer(StageGraph(config, store))


@pytest.mark.parametrize("start", ["adapted", "pretrained"])
def test_a_model_without_a_language_model_is_told_so(config: Config, store: Store, start) -> None:
    config.model.architecture, config.lm = "embedding", start
    said = f"^lm={start}: model.architecture=embedding has no language model; take lm=none"
    with pytest.raises(ConfigError, match=said):
        plan_task_model(StageGraph(config, store))


def language_model(folder: Path, name: str = "BertForMaskedLM", model_type: str = "bert") -> str:
    """A folder whose config speaks of a model of this class."""
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps({"architectures": [name], "model_type": model_type}))
    return str(folder)


@pytest.mark.parametrize("kind", ["folder", "hub"])
def test_a_model_that_lm_names_is_adapted_to_the_domain(config: Config, store: Store, tmp_path: Path, kind) -> None:
    config.lm = language_model(tmp_path / "bert") if kind == "folder" else f"hf:org/bert@{COMMIT}"
    config.corpus = Config().corpus
    chain = StageGraph(config, store)
    assert plan_adapted(chain).inputs["start"] is find_given_model(chain)
    assert plan_adapted(chain).config.model is None  # its architecture is its own
    assert plan_adapted(chain).inputs["tokenizer"] is plan_tokenizer(chain)
    assert plan_tokenizer(chain).config.tokenizer.source == config.lm
    assert plan_task_model(chain).inputs["language_model"] is plan_adapted(chain)
    assert "pretrain" not in stages_behind("run", config, store)
    config.model.architecture = "linear_tfidf"
    assert plan_adapted(StageGraph(config, store)).id == plan_adapted(chain).id
    config.domain, config.model.architecture = Config().domain, "bert"
    assert plan_task_model(StageGraph(config, store)).inputs["language_model"].location == config.lm


@pytest.mark.parametrize("verb", ["pretrain", "adapt", "finetune", "run"])
def test_a_corpus_for_a_model_that_is_there_is_an_error(config: Config, store: Store, tmp_path: Path, verb) -> None:
    config.lm = language_model(tmp_path / "bert")
    with pytest.raises(ConfigError, match=r"^corpus: lm=.*bert names .* give corpus=none .* pretraining.init_from="):
        stages_behind(verb, config, store)


def test_two_models_to_start_from(config: Config, store: Store, tmp_path: Path) -> None:
    config.lm, config.corpus = language_model(tmp_path / "bert"), Config().corpus
    config.pretraining.init_from = language_model(tmp_path / "other", "RobertaForMaskedLM", "roberta")
    for look in (plan_adapted, plan_task_model, plan_tokenizer):
        with pytest.raises(ConfigError, match="lm=.* and pretraining.init_from=.* are two models"):
            look(StageGraph(config, store))


@pytest.mark.parametrize("where", ["lm", "pretraining.init_from"])
@pytest.mark.parametrize(("name", "model_type", "message"), [
    ("GPT2LMHeadModel", "gpt2", "a causal language model"), ("Qwen2ForCausalLM", "qwen2", "a causal language model"),
    ("ElectraForPreTraining", "electra", "no head of a masked language model"), ("BertModel", "bert", "no head of a"),
    ("T5ForConditionalGeneration", "t5", "an encoder-decoder"),
    ("EmbeddingModel", "jpt_embedding", "is not a language"),
])
def test_a_model_that_cannot_be_adapted_is_named_before_anything_is_built(
        config: Config, store: Store, tmp_path: Path, where, name, model_type, message) -> None:
    config.corpus, start = Config().corpus, language_model(tmp_path / "model", name, model_type)
    config.lm, config.pretraining.init_from = (start, "scratch") if where == "lm" else ("adapted", start)
    with pytest.raises(ConfigError, match=f"^{where}: .*{message}"):
        plan_adapted(StageGraph(config, store))
    config.lm, config.domain, config.pretraining.init_from = start, Config().domain, "scratch"
    assert plan_task_model(StageGraph(config, store)).inputs["language_model"].location == start


def test_objectives_are_those_of_the_model_that_is_there(config: Config, store: Store, tmp_path: Path) -> None:
    config.corpus = Config().corpus
    config.lm = language_model(tmp_path / "lstm", "AwdLstmForCausalLM", "jpt_awd_lstm")
    with pytest.raises(ConfigError, match="adaptation.objective.name: 'mlm' does not train .*lstm, .* takes: causal"):
        plan_adapted(StageGraph(config, store))
    config.adaptation.objective.name = "causal"  # whatever `model` says
    assert plan_adapted(StageGraph(config, store))


def test_a_file_that_can_be_read_only_once_is_refused(tmp_path):
    os.mkfifo(tmp_path / "fifo")
    source = SourceConfig(path=str(tmp_path / "fifo"))
    place = External("corpus.sources.mine.path", True, source.path, source)
    with pytest.raises(ConfigError, match=r"corpus\.sources\.mine\.path: '.*fifo' is not a regular file"):
        digest_location(place, Store(tmp_path / "outputs"))


@pytest.mark.parametrize("setting", [{"ar": 2.0}, {"tar": 1.0}, {"bptt": 70, "truncation_side": TruncationSide.left}])
def test_settings_of_recurrent_models_meet_no_other_before_anything_is_built(config: Config, store: Store,
                                                                           setting: dict) -> None:
    config = replace(config, finetuning=replace(config.finetuning, encoder=EncoderFinetuningConfig(**setting)))
    with pytest.raises(ConfigError, match=rf"^finetuning\.encoder\.{next(iter(setting))}: .* awd_lstm, .* bert; leave"):
        plan_task_model(StageGraph(config, store))


def test_a_phases_other_schedules_do_not_count(config: Config, store: Store) -> None:
    def identity(**settings) -> str:
        phase = PhaseConfig(schedule=ScheduleConfig("constant", 0.0, **settings))
        encoder = EncoderFinetuningConfig(phases={"all": phase})
        whole = replace(config, finetuning=FinetuningConfig(encoder=encoder))
        return plan_task_model(StageGraph(whole, store)).fingerprint

    assert identity() == identity(halving=HalvingConfig(0.5))
