"""Rules for corpora, tokenizers and data sets."""

from __future__ import annotations

from collections.abc import Iterator

from jptransfer.config.run import Config
from jptransfer.config.task import WordSource
from jptransfer.config.text import CorpusConfig
from jptransfer.config.training import VocabularyPolicy
from jptransfer.errors import ConfigError
from jptransfer.pipeline.rules.base import rule
from jptransfer.pipeline.rules.facts import is_given, is_trained, needs_text, task_kind
from jptransfer.registry import DATASETS, SOURCES


@rule("corpus")
def corpus_can_be_made(config: Config) -> str | None:
    """The sources of the corpus are complete and leave something to train on."""
    return _corpus_problem("corpus", config.corpus, config)


@rule("domain")
def domain_can_be_made(config: Config) -> str | None:
    """The sources of the domain are complete and leave something to train on."""
    return _corpus_problem("domain", config.domain, config)


def _corpus_problem(section: str, corpus: CorpusConfig, config: Config) -> str | None:
    if corpus.validation_fraction + corpus.test_fraction >= 1:
        return f"{section}.validation_fraction and {section}.test_fraction leave nothing for training"
    if corpus.max_bytes and not any(source.weight for source in corpus.sources.values()):
        return f"{section}.max_bytes is divided by the sources' weights, but all of them are 0"
    return next(_source_problems(section, corpus, config), None)


def _source_problems(section: str, corpus: CorpusConfig, config: Config) -> Iterator[str]:
    for table, sources in {"sources": corpus.sources, "exclude": corpus.exclude}.items():
        for name, source in sources.items():
            where = f"{section}.{table}.{name}"
            reads_task = "dataset" in SOURCES.entries[SOURCES.check(source.format, f"{where}.format")].needs
            if reads_task and not config.task.dataset:
                yield (f"{section} is the text of the task, but there is none; choose one, for example "
                       "task=toy_sentiment")
            elif reads_task and source.path:
                yield f"{where}.path: format {source.format} reads the task"
            elif reads_task and table == "sources" and source.split not in ("", config.task.roles.fit):
                yield (f"{where}.split: only the training split of a task is a source of text "
                       f"('{config.task.roles.fit}', task.roles.fit)")
            elif not reads_task and not source.path:
                yield f"{where}.path is empty: name a file, a folder or a glob"


@rule("tokenizer")
def tokenizer_has_text(config: Config) -> str | None:
    """A tokenizer that is trained has a corpus to learn from."""
    section = config.tokenizer.corpus.value
    text: CorpusConfig = getattr(config, section)
    if is_given(config) or not is_trained(config.tokenizer) or text.sources:
        return None
    instead = "train it on the task's texts (domain=task tokenizer.corpus=domain)" if section == "corpus" else ""
    return needs_text(section, "the tokenizer is trained on it", instead)


@rule("domain_tokenizer")
def new_vocabulary_can_be_learnt(config: Config) -> str | None:
    """A vocabulary that is migrated to the domain comes from a tokenizer that learns from it."""
    migrates = config.adaptation.vocabulary is VocabularyPolicy.migrate
    if migrates and config.domain.sources and not is_trained(config.tokenizer):
        return (f"adaptation.vocabulary=migrate: kind {config.tokenizer.kind} is not trained on text; choose one, for "
                "example tokenizer=wordpiece")
    return None


@rule("dataset")
def files_are_named_as_the_reader_takes_them(config: Config) -> str | None:
    """The names of files are splits, or what the reader takes, and there is something to train on."""
    try:
        config.task.named_files()
    except ConfigError as error:
        return str(error)
    return None


@rule("dataset")
def files_have_what_the_reader_needs(config: Config) -> str | None:
    """Columns and the first row of files that exist are as the settings say, for readers that can tell cheaply."""
    check = getattr(getattr(config.task, config.task.dataset, None), "check_files", None)
    if check:
        check(config.task)
    return None


@rule("dataset")
def only_labelled_tasks_name_labels(config: Config) -> str | None:
    """Settings of labels are for kinds of task that have labels."""
    from jptransfer.tasks.abilities import Labelled

    if issubclass(task_kind(config), Labelled):
        return None
    given = [name for name in ("labels", "label_map") if getattr(config.task, name)]
    return f"task.{given[0]}: a task of kind {config.task.kind} has no labels; leave it out" if given else None


@rule("dataset")
def only_tagged_texts_have_words(config: Config) -> str | None:
    """Where the words of a text come from matters to taggers alone."""
    from jptransfer.tasks.abilities import Tokenized

    if config.task.word_source is WordSource.gold or issubclass(task_kind(config), Tokenized):
        return None
    return f"task.word_source: it is for tagged texts (task.kind=ner), and this task is {config.task.kind}"


@rule("dataset")
def reader_has_second_texts(config: Config) -> str | None:
    """A column of second texts is for readers that read one."""
    task = config.task
    if not task.text_pair_column or DATASETS.entries[DATASETS.check(task.dataset, "task.dataset")].pairs:
        return None
    able = ", ".join(name for name, entry in DATASETS.entries.items() if entry.pairs)
    return f"task.text_pair_column: data set '{task.dataset}' has no second texts; these readers have: {able}"
