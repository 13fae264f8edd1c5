"""The chain of stages a configuration describes: nodes with identities, nothing built yet.

Identities follow from the configuration alone, so `jpt finetune` knows which language model it needs without
building it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, is_dataclass, replace
from functools import cached_property
from pathlib import Path
from re import fullmatch
from typing import Any, Protocol, get_type_hints

from jptransfer import stages
from jptransfer.artifacts import Store, canonical, fingerprint
from jptransfer.artifacts.fingerprint import SHORT
from jptransfer.artifacts.manifest import FILE
from jptransfer.config import (
    BUILD,
    Config,
    CorpusConfig,
    CorpusRole,
    FinetuningConfig,
    LmTrainingConfig,
    ModelConfig,
    TokenizerConfig,
    VocabularyPolicy,
)
from jptransfer.config.chosen import member_versions
from jptransfer.errors import ArtifactError, ConfigError, DataError
from jptransfer.hub import HUB
from jptransfer.pipeline.external_inputs import (
    MODEL,
    External,
    MissingFiles,
    digest_location,
    external_inputs,
    pinned,
    resolve_revisions,
)
from jptransfer.pipeline.task_rules import check_task, task_kind
from jptransfer.registry import (
    LEARNERS,
    MODELS,
    SOURCES,
    EncoderEntry,
)
from jptransfer.tasks.abilities import Averages
from jptransfer.tasks.base import Task
from jptransfer.transfer.groups import check_patterns


class Compose(Protocol):
    """Composes a configuration with overrides added to those of the run."""

    def __call__(self, overrides: list[str], fresh: Sequence[str] = (), /) -> Config:
        """Return the configuration; the sections `fresh` are as their presets and `overrides` say, see `presets_of`."""


def presets_of(overrides: Sequence[str]) -> list[str]:
    """Return the sections for which `overrides` choose a preset.

    The source of a transfer has such a section as the preset says, with what `transfer.build` sets in it: whatever an
    experiment's file, the command line, a row or a suite's cell sets in the section is for the target.
    """
    chosen = [one.partition("=") for one in overrides]
    return list(dict.fromkeys(key for key, _, value in chosen if key in SECTIONS and not value.startswith("{")))


def drop_overrides(overrides: Sequence[str], sections: Sequence[str]) -> list[str]:
    """Return the overrides that set no value inside `sections`."""
    inside = tuple(f"{section}." for section in sections)
    return [one for one in overrides if not one.lstrip("+~").startswith(inside)]


LM_WORDS = ("none", "pretrained", "adapted", "auto")
"""What `lm` may be besides a reference."""


TRANSFER_SOURCE_DEFAULTS = [
    "seed=0", "finetuning.subset.n=null", "finetuning.subset.fraction=null", "finetuning.subset.seed=0",
    "finetuning.encoder.freeze=[]", "transfer.source=''", "transfer.build=[]", "transfer.groups=[]",
]
"""What the source of a transfer does not have from the configuration it is described in."""
SECTIONS = tuple(field.name for field in fields(Config) if is_dataclass(get_type_hints(Config)[field.name]))
"""Parts of a configuration that presets are there for."""


@dataclass(frozen=True, eq=False)
class StageNode:
    """One stage with its configuration and inputs; equal recipes have equal fingerprints.

    `section` is the part of the user's configuration that `config` came from.
    """

    stage: str
    name: str
    config: Any
    inputs: dict[str, StageNode | PretrainedRef]
    externals: dict[str, str]
    section: str = ""

    @property
    def kind(self) -> str:
        """Kind of artifact it makes."""
        return stages.STAGES[self.stage].kind

    @cached_property
    def recipe(self) -> dict[str, Any]:
        """What the identity is computed from."""
        inputs = {role: source.fingerprint for role, source in self.inputs.items()}
        return canonical({"stage": self.stage, "version": stages.STAGES[self.stage].version,
                          "config": canonical(self.config), "inputs": {**inputs, **self.externals}})

    @cached_property
    def fingerprint(self) -> str:
        """64 hex digits."""
        return fingerprint(self.recipe)

    @property
    def id(self) -> str:
        """Short id."""
        return self.fingerprint[:SHORT]


@dataclass(frozen=True)
class PretrainedRef:
    """Something made elsewhere that is used as it is: an artifact, a folder or a model of the hub."""

    kind: str
    fingerprint: str
    location: str
    is_local: bool

    def folder(self) -> Path:
        """Return the local folder, fetching from the hub if need be."""
        if not self.location.startswith(HUB):
            return Path(self.location)
        from jptransfer.models.pretrained import fetch

        return fetch(HUB + self.fingerprint.removeprefix(f"{MODEL}:"))[0]


def _alone(overrides: list[str], fresh: Sequence[str] = ()) -> Config:
    raise TypeError("this chain was made of a configuration alone, without the means to change it")


@dataclass
class StageGraph:
    """The nodes of one run, made on demand; a `None` says the configuration has no such part.

    `compose` makes the configurations of an ensemble's other members and of a transfer's source, which are told as
    overrides of this one; its seed is the one that the overrides are read with, `config.seed` that of the run.

    Files that are not there are added to `missing`, so that a plan can report all of them at once; without it the first
    stage that lacks files raises. `where` begins the messages about them.
    """

    config: Config
    store: Store
    compose: Compose = _alone
    missing: MissingFiles | None = None
    where: str = ""

    def _other(self, overrides: list[str], where: str, fresh: Sequence[str] = ()) -> StageGraph:
        """Return the chain of this configuration with `overrides` added; `fresh`: see `Compose`."""

        def compose(more: list[str], also: Sequence[str] = ()) -> Config:
            return self.compose([*drop_overrides(overrides, also), *more], tuple(dict.fromkeys([*fresh, *also])))

        return StageGraph(self.compose(overrides, tuple(fresh)), self.store, compose, self.missing,
                          f"{self.where}{where}: ")

    def _node(self, stage: str, section: str, name: str, config: Any,
              inputs: dict[str, StageNode | PretrainedRef]) -> StageNode:
        digests, lacking = external_inputs(config, self.store, section, self.config.data_root)
        digests |= member_versions(config)
        missing = self.missing or MissingFiles()
        for source, message, path in lacking:
            missing.add(source, f"{self.where}{message}" if self.missing else message, path)
        if not self.missing:
            missing.check()
        return StageNode(stage, name, resolve_revisions(config, digests), inputs, digests, section)

    def _corpus(self, section: str, corpus: CorpusConfig) -> StageNode | None:
        if not corpus.sources:
            return None
        inputs: dict[str, StageNode | PretrainedRef] = {}
        sources = [*corpus.sources.values(), *corpus.exclude.values()]
        if any("dataset" in SOURCES.entries[SOURCES.check(source.format, section)].needs for source in sources):
            if not self.dataset:
                raise ConfigError(f"{section} is the text of the task, but there is none; choose one, "
                                  "for example task=toy_sentiment")
            inputs["dataset"] = self.dataset
        return self._node("prepare_corpus", section, corpus.name, stages.PrepareCorpusStage(corpus), inputs)

    @cached_property
    def corpus(self) -> StageNode | None:
        """Text to pre-train on."""
        return self._corpus("corpus", self.config.corpus)

    @cached_property
    def domain(self) -> StageNode | None:
        """Text to adapt to."""
        return self._corpus("domain", self.config.domain)

    @cached_property
    def tokenizer(self) -> StageNode | PretrainedRef:
        """Units of text: trained, fetched, or those of the model that training starts from."""
        start = self.given
        if start and start.is_local:
            return start
        config = self.config.tokenizer
        if start and not (config.kind == "pretrained" and config.source):
            config = TokenizerConfig("pretrained", kind="pretrained", source=start.location)
        inputs: dict[str, StageNode | PretrainedRef] = {}
        if config.kind not in ("pretrained", "byte"):
            inputs["corpus"] = self._tokenizer_corpus(config)
        return self._node("tokenize", "tokenizer", config.name, stages.TokenizeStage(config), inputs)

    def _tokenizer_corpus(self, config: TokenizerConfig) -> StageNode:
        section = config.corpus.value
        node = self.corpus if section == "corpus" else self.domain
        own = "train it on the task's texts (domain=task tokenizer.corpus=domain)"
        return node or _needs(section, "the tokenizer is trained on it", own if section == "corpus" else "")

    @cached_property
    def domain_tokenizer(self) -> StageNode | PretrainedRef:
        """Units of the adapted language model: trained on the domain where its vocabulary is converted."""
        if self.config.adaptation.vocabulary is VocabularyPolicy.keep or not self.domain:
            return self.tokenizer
        config = replace(self.config.tokenizer, corpus=CorpusRole.domain)
        if config.kind in ("pretrained", "byte"):
            raise ConfigError(f"adaptation.vocabulary=migrate: kind {config.kind} is not trained on text; "
                              "choose one, for example tokenizer=wordpiece")
        return self._node("tokenize", "tokenizer", config.name, stages.TokenizeStage(config), {"corpus": self.domain})

    def _encode(self, corpus: StageNode, tokenizer: StageNode | PretrainedRef) -> StageNode:
        return self._node("encode", "encoding", corpus.name, stages.EncodeStage(self.config.encoding),
                          {"corpus": corpus, "tokenizer": tokenizer})

    @cached_property
    def encoded(self) -> StageNode | None:
        """Token ids of the corpus."""
        return self._encode(self.corpus, self.tokenizer) if self.corpus else None

    @cached_property
    def encoded_domain(self) -> StageNode | None:
        """Token ids of the domain."""
        return self._encode(self.domain, self.domain_tokenizer) if self.domain else None

    @cached_property
    def start(self) -> PretrainedRef | None:
        """What pre-training starts from, unless from scratch."""
        value = self.config.pretraining.init_from
        return None if value in ("", "scratch") else self.reference("pretraining.init_from", value)

    @cached_property
    def finetuning_reference(self) -> PretrainedRef | None:
        """A language model that `lm` names: fine-tuned as it is, or, where there is a domain, adapted first."""
        value = self.config.lm
        return None if value in LM_WORDS else self.reference("lm", value)

    @cached_property
    def given(self) -> PretrainedRef | None:
        """The language model made elsewhere that this run builds on; it brings its own tokenizer and architecture."""
        named, start = self.finetuning_reference, self.start
        if named and start and named.fingerprint != start.fingerprint:
            raise ConfigError(f"lm={self.config.lm} and pretraining.init_from={self.config.pretraining.init_from} "
                              "are two "
                              "models to start from; give one of them")
        return named or start

    def reference(self, where: str, value: str) -> PretrainedRef:
        """Return what a reference means: ``hf:name@revision``, a folder, or the id of a language model."""
        if value.startswith(HUB):
            return PretrainedRef("hub", pinned(value), value, False)
        path = Path(value)
        if path.is_dir() and not (path / FILE).is_file():
            if not (path / "config.json").is_file():
                raise ConfigError(f"{where}: the folder '{value}' holds no model of transformers (no config.json)")
            digest = digest_location(External(where, True, value, None), self.store)
            return PretrainedRef("folder", digest, value, (path / "jpt_tokenizer.json").is_file())
        words = ("scratch",) if where == "pretraining.init_from" else LM_WORDS
        try:
            found = self.store.resolve(value, ("language_model",), words)
        except ArtifactError as error:
            hub = HUB + (value if fullmatch(r"[\w.-]+/[\w.@-]+", value) else "org/name@revision")
            takes = f"{', '.join(words)}, an artifact id, a folder or {hub}"
            raise ConfigError(f"{where}: {error}; it takes {takes}") from None
        if found.manifest.kind != "language_model":
            raise ConfigError(f"{where}: {found.label} is no language model")
        self.store.check(found)
        return PretrainedRef("language_model", found.manifest.fingerprint, str(found.path), True)

    def _train(self, stage: str, encoded: StageNode, training: LmTrainingConfig,
               start: StageNode | PretrainedRef | None) -> StageNode:
        inputs: dict[str, StageNode | PretrainedRef] = {"encoded": encoded, "tokenizer": encoded.inputs["tokenizer"]}
        if start:
            inputs["start"] = start
        config = stages.PretrainStage(None if start else self._model(), replace(training, init_from=""))
        section = "pretraining" if stage == "pretrain" else "adaptation"
        trained, takes = self._objectives
        if takes and training.objective.name not in takes:
            raise ConfigError(f"{section}.objective.name: '{training.objective.name}' does not train "
                              f"{trained}, which takes: {', '.join(takes)}")
        return self._node(stage, section, training.name, config, inputs)

    @cached_property
    def _objectives(self) -> tuple[str, tuple[str, ...]]:
        """Name what is trained, and the objectives it takes; none: that is seen when its files are here."""
        if not self.given:
            return self.config.model.architecture, self._architecture.objectives
        if self.given.kind == "hub":
            return self.given.location, ()
        from jptransfer.models.pretrained import trainable_objectives

        where = "lm" if self.finetuning_reference else "pretraining.init_from"
        try:
            return self.given.location, trainable_objectives(Path(self.given.location))
        except DataError as error:
            raise ConfigError(f"{where}: {error}") from error

    @property
    def learner(self) -> str:
        """How a task model of the configured architecture is trained.

        Raises:
            ConfigError: the learner that was chosen does not train models of this architecture.
        """
        own, chosen = self._architecture.learner, self.config.finetuning.learner
        if chosen in ("", own):
            return own
        encodes = ["language_model" in LEARNERS.entries[name].needs for name in (own, chosen)]
        if encodes == [True, True]:
            return chosen
        fitting = own if not encodes[0] else " or ".join(
            name for name, entry in LEARNERS.entries.items() if "language_model" in entry.needs)
        raise ConfigError(f"finetuning.learner={chosen}: models of architecture {self.config.model.architecture} are "
                          f"trained by learner {fitting}")

    def _model(self) -> ModelConfig:
        """The architecture."""
        kind, takes = self.config.tokenizer.kind, self._architecture.tokenizers
        if takes and kind not in takes:
            raise ConfigError(f"model.architecture={self.config.model.architecture} reads tokenizers of kind "
                              f"{' or '.join(takes)}, not '{kind}'; choose one, for example tokenizer={takes[0]}")
        return self.config.model

    @property
    def _has_language_model(self) -> bool:
        return bool(self.finetuning_reference or self._architecture.objectives)

    @property
    def _architecture(self) -> EncoderEntry:
        return MODELS.entries[MODELS.check(self.config.model.architecture, "model.architecture")]

    @cached_property
    def language_model(self) -> StageNode | PretrainedRef | None:
        """The language model before adaptation: the one that `lm` names, one trained on the corpus, or, where there is
        no corpus, what pre-training starts from."""
        if not self._has_language_model:
            return None
        if self.finetuning_reference and self.config.corpus.sources:
            raise ConfigError(f"corpus: lm={self.config.lm} names a model that is trained already, so the corpus would "
                              "not be read; give corpus=none to adapt that model to the domain, or to train it on the "
                              f"corpus first pretraining.init_from={self.config.lm} with lm=adapted")
        if not self.config.corpus.sources or not self.encoded:
            return self.given
        if self.config.pretraining.vocabulary is not VocabularyPolicy.keep:
            raise ConfigError("pretraining.vocabulary: only adaptation converts a vocabulary")
        return self._train("pretrain", self.encoded, self.config.pretraining, self.start)

    @cached_property
    def adapted(self) -> StageNode | None:
        """The language model after training on the domain."""
        if self.config.adaptation.init_from not in ("", "scratch"):
            raise ConfigError("adaptation.init_from: adaptation starts from the language model before it; "
                              f"for another one give pretraining.init_from={self.config.adaptation.init_from}")
        if not self.encoded_domain or not self._has_language_model:
            return None
        start = self.language_model or _needs("corpus", "there is no language model to adapt",
                                              "give pretraining.init_from or lm=FOLDER")
        return self._train("adapt", self.encoded_domain, self.config.adaptation, start)

    @cached_property
    def dataset(self) -> StageNode | None:
        """Labelled examples."""
        task = self.config.task
        if not task.dataset:
            return None
        task_kind(task)
        return self._node("prepare_dataset", "task", task.name, stages.PrepareDatasetStage(task), {})

    @cached_property
    def finetuning_start(self) -> StageNode | PretrainedRef | None:
        """The language model that fine-tuning starts from; None: from scratch."""
        start = self.config.lm
        if self.finetuning_reference:
            return self.adapted or self.given
        if start == "auto":
            return self.adapted or self.language_model
        if start in ("adapted", "pretrained") and not self._has_language_model:
            raise ConfigError(f"lm={start}: model.architecture={self.config.model.architecture} has no language "
                              "model; take lm=none")
        if start == "adapted":
            return self.adapted or _needs("domain", "lm=adapted")
        if start == "pretrained":
            return self.language_model or _needs("corpus", "lm=pretrained")
        return None

    @cached_property
    def task_model(self) -> StageNode | None:
        """The fine-tuned model."""
        if not self.dataset:
            return None
        learner = self.learner
        kind = task_kind(self.config.task)
        finetuning = self._finetuning(learner, kind)
        inputs: dict[str, StageNode | PretrainedRef] = {"dataset": self.dataset}
        check_task(self.config, kind, learner)
        model = None
        if "language_model" in LEARNERS.entries[learner].needs:
            adapted = bool(self.finetuning_start) and self.finetuning_start is self.adapted
            inputs["tokenizer"] = self.domain_tokenizer if adapted else self.tokenizer
            if self.finetuning_start:
                inputs["language_model"] = self.finetuning_start
            else:
                model = self._model()
            if not isinstance(self.finetuning_start, PretrainedRef):
                self._check_groups()
                self._check_states()
        if self.transfer_source:
            inputs["transfer"] = self.transfer_source
        groups = sorted(set(self.config.transfer.groups))
        stage = stages.FinetuneStage(finetuning, self.config.seed, model, groups)
        return self._node("finetune", "finetuning", finetuning.name, stage, inputs)

    def _finetuning(self, learner: str, kind: type[Task]) -> FinetuningConfig:
        """Name the learner and, where the configured architecture decides it, the head that are not named."""
        config = replace(self.config.finetuning, learner=learner)
        own = "" if kind.output.head else self._architecture.head
        if learner != "encoder" or config.encoder.head.name or not own or self.given:
            return config
        return replace(config, encoder=replace(config.encoder, head=replace(config.encoder.head, name=own)))

    def _check_groups(self) -> None:
        """Raise `ConfigError` where a setting names a layer group that the configured architecture cannot have."""
        known, encoder = self._architecture.groups, self.config.finetuning.encoder
        check_patterns(self.config.transfer.groups, known, "transfer.groups")
        check_patterns(encoder.freeze, known, "finetuning.encoder.freeze")
        for name, phase in encoder.phases.items():
            check_patterns(phase.lr_multipliers, known, f"phase '{name}': lr_multipliers")
            check_patterns(phase.unfreeze, known, f"phase '{name}': unfreeze")

    def _check_states(self) -> None:
        """Raise `ConfigError` where a setting of recurrent language models meets another architecture."""
        encoder = self.config.finetuning.encoder
        if self.given or "causal" in self._architecture.objectives:
            return
        for name, unset in (("bptt", "null"), ("ar", "0"), ("tar", "0")):
            if getattr(encoder, name):
                raise ConfigError(f"finetuning.encoder.{name}: it is for model awd_lstm, and this is "
                                  f"{self.config.model.architecture}; leave it out ({unset})")

    @cached_property
    def transfer_source(self) -> StageNode | PretrainedRef | None:
        """The task model that layer groups are taken from."""
        transfer = self.config.transfer
        if not transfer.groups:
            return None
        if self.learner != "encoder":
            raise ConfigError(f"transfer.groups: {self.config.model.architecture} has no layer groups")
        if transfer.source not in ("", BUILD):
            return self._task_model_reference("transfer.source", transfer.source)
        try:
            overrides = [*TRANSFER_SOURCE_DEFAULTS, *transfer.build]
            source = self._other(overrides, "transfer.build", presets_of(transfer.build))
            if source.learner != "encoder":
                raise ConfigError(f"{source.config.model.architecture} has no layer groups")
            if not source.task_model:
                raise ConfigError("no task is chosen, for example task=toy_sentiment")
            return source.task_model
        except ConfigError as error:
            raise ConfigError(f"transfer.build: {error}") from error

    def _task_model_reference(self, where: str, value: str) -> PretrainedRef:
        folder = Path(value)
        if (folder / "task_model.json").is_file() and not (folder / FILE).is_file():
            return PretrainedRef("folder", digest_location(External(where, True, value, None), self.store), value, True)
        try:
            found = self.store.resolve(value, ("task_model",), (BUILD,))
        except ArtifactError as error:
            raise ConfigError(f"{where}: {error}; it takes {BUILD}, the id of a task model or its folder") from None
        if found.manifest.kind != "task_model":
            raise ConfigError(f"{where}: {found.label} is no task model")
        self.store.check(found)
        return PretrainedRef("task_model", found.manifest.fingerprint, str(found.path), True)

    def _member(self, name: str, overrides: list[str]) -> StageGraph:
        """Return the chain of another member of an ensemble; its seed is that of the run, unless it names one."""
        try:
            chain = self._other(overrides, f"ensemble.{name}")
        except ConfigError as error:
            raise ConfigError(f"ensemble.{name}: {error}") from error
        own = any(one.lstrip("+").startswith("seed=") for one in overrides)
        return chain if own else replace(chain, config=replace(chain.config, seed=self.config.seed))

    @cached_property
    def task_models(self) -> list[StageNode]:
        """The fine-tuned model and those of the ensemble's other members."""
        if self.config.ensemble and not issubclass(task_kind(self.config.task), Averages):
            raise ConfigError(f"ensemble: it averages predictions, and those of kind {self.config.task.kind} have no "
                              "average")
        members = [self._member(name, overrides) for name, overrides in self.config.ensemble.items()]
        nodes = [self.task_model, *(member.task_model for member in members)]
        made = [node for node in nodes if node]
        if len({node.fingerprint for node in made}) < len(made):
            raise ConfigError("ensemble: two of its models are the same; the overrides of one change nothing of it")
        return made

    @cached_property
    def evaluation(self) -> StageNode | None:
        """The scored task model, or ensemble."""
        if not self.dataset or not self.task_model:
            return None
        made = self.task_model.config.finetuning
        every_epoch = made.learner == "encoder" and made.encoder.save_every_epoch and not self.config.ensemble
        if self.config.evaluation.oracle_epoch and not every_epoch:
            raise ConfigError("evaluation.oracle_epoch: it needs a single model that encodes text, with all its "
                              "epochs (finetuning.encoder.save_every_epoch=true)")
        inputs: dict[str, StageNode | PretrainedRef] = {
            f"task_model:{number}" if number > 1 else "task_model": node
            for number, node in enumerate(self.task_models, 1)}
        return self._node("evaluate", "evaluation", self.config.evaluation.name,
                          stages.EvaluateStage(self.config.evaluation), {**inputs, "dataset": self.dataset})


def _needs(section: str, why: str, instead: str = "") -> Any:
    example = "domain=task" if section == "domain" else "corpus=toy"
    other = f", or {instead}" if instead else ""
    raise ConfigError(f"{section}.sources is empty, but {why}; choose one, for example {example}{other}")


def upstream(nodes: list[StageNode]) -> Iterator[StageNode]:
    """Yield the nodes behind `nodes` and themselves, inputs first, each identity once."""
    seen: set[str] = set()

    def visit(node: StageNode) -> Iterator[StageNode]:
        if node.fingerprint in seen:
            return
        seen.add(node.fingerprint)
        for source in node.inputs.values():
            if isinstance(source, StageNode):
                yield from visit(source)
        yield node

    for node in nodes:
        yield from visit(node)
