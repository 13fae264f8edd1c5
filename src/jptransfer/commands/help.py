"""The pages of ``jpt VERB --help``: an overview on two screens, one section (``--help SECTION``), or every setting."""

from __future__ import annotations

import argparse
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from jptransfer.commands import Verb
from jptransfer.commands.ls import groups, headline
from jptransfer.config.describe import Setting, settings
from jptransfer.errors import ConfigError, nearest, printable

WIDTH = 100
"""Columns of a page."""
FIRST = ("none", "default", "auto", "toy", "toy_sentiment", "toy_ner", "text_file", "conll_file", "bert_tiny",
         "wordpiece")
"""Choices that a line with room for a few names first."""
_UPSTREAM = {
    "prepare": ("corpus", "domain", "task"),
    "tokenize": ("tokenizer",),
    "pretrain": ("model", "pretraining"),
    "adapt": ("adaptation",),
    "finetune": ("finetuning",),
    "eval": ("evaluation",),
    "report": ("report",),
}
"""Stage in order -> groups that it adds to those of the stages before it."""


@dataclass(frozen=True)
class Page:
    """What a verb's overview shows besides what the configuration says of itself.

    Attributes:
        about: what the verb does, in a few sentences.
        examples: commands, without ``jpt`` and the verb.
        common: the settings that people change most; empty: all of them outside sections.
        last: the last stage whose groups the verb uses, see `_UPSTREAM`.
    """

    about: str
    examples: tuple[str, ...]
    common: tuple[str, ...] = ()
    last: str = ""

    @property
    def groups(self) -> list[str]:
        """The groups that the verb uses, in the order of the stages."""
        stages = list(_UPSTREAM)
        used = stages[:stages.index(self.last) + 1] if self.last else []
        return [group for stage in used for group in _UPSTREAM[stage]] + (["runtime", "experiment"] if used else [])


BUILDS = "Missing artifacts upstream are built first; nothing is built twice."
PAGES: dict[str, Page] = {
    "prepare": Page(
        "Reads, cleans, de-duplicates and splits text (corpus, domain) and labelled data (task).",
        ("corpus=toy", "task=text_file task.files.all=mine.tsv task.text_column=body task.label_column=stars",
         "corpus=text_file corpus.sources.text.path=news.txt.xz corpus.deduplication.near=true"),
        ("corpus.sources.<name>.path", "corpus.cleaning.steps", "corpus.deduplication.near", "corpus.max_bytes",
         "corpus.validation_fraction", "corpus.on_error", "task.files", "task.text_column", "task.label_column",
         "task.label_map"), "prepare"),
    "tokenize": Page(
        f"Trains a tokenizer on the corpus (or the domain), or fetches a pre-trained one. {BUILDS}",
        ("corpus=toy", "corpus=kyoto_wiki tokenizer=unigram tokenizer.vocab_size=16000 data_root=/data",
         "tokenizer=pretrained tokenizer.source=hf:tohoku-nlp/bert-base-japanese-v3@main"),
        ("tokenizer.kind", "tokenizer.vocab_size", "tokenizer.corpus", "tokenizer.source", "tokenizer.lowercase",
         "tokenizer.segmenter.name", "tokenizer.segmenter.dictionary", "tokenizer.max_sentences"), "tokenize"),
    "encode": Page(
        f"Turns the corpus (and the domain) into memory-mapped token ids. {BUILDS}",
        ("corpus=toy tokenizer=toy", "corpus=kyoto_wiki tokenizer=wordpiece data_root=/data runtime.workers=4",
         "corpus=toy domain=toy tokenizer=byte"),
        ("tokenizer.kind", "tokenizer.vocab_size", "encoding.max_sentence_tokens", "runtime.workers"), "tokenize"),
    "pretrain": Page(
        f"Trains a language model on the corpus. An interrupted run continues where it stopped. {BUILDS}",
        ("corpus=toy tokenizer=toy pretraining=toy",
         "corpus=kyoto_wiki model=bert_mini pretraining=kyoto data_root=/data",
         "corpus=toy pretraining=toy -m pretraining.learning_rate=1e-4,3e-4"),
        ("pretraining.max_steps", "pretraining.epochs", "pretraining.learning_rate", "pretraining.batch_tokens",
         "pretraining.max_length", "pretraining.init_from", "pretraining.precision", "pretraining.checkpoint_every",
         "runtime.device", "runtime.processes"), "pretrain"),
    "adapt": Page(
        f"Continues to train a language model on text of the domain. {BUILDS}",
        ("corpus=toy domain=toy tokenizer=toy pretraining=toy adaptation=toy",
         "corpus=toy domain=task task=toy_sentiment tokenizer=toy pretraining=toy adaptation=toy",
         "lm=hf:tohoku-nlp/bert-base-japanese-v3@main corpus=none domain=jrte data_root=/data"),
        ("lm", "adaptation.max_steps", "adaptation.epochs", "adaptation.learning_rate", "adaptation.batch_tokens",
         "adaptation.vocabulary", "domain.sources.<name>.path", "runtime.device"), "adapt"),
    "finetune": Page(
        f"Trains a task model (classification, regression, entities) from a language model or from scratch. {BUILDS}",
        ("task=toy_sentiment corpus=toy tokenizer=toy pretraining=toy lm=pretrained",
         "task=text_file task.files.all=reviews.tsv lm=hf:tohoku-nlp/bert-base-japanese-v3",
         "+experiment=quickstart only=[lm] -m finetuning.encoder.learning_rate=1e-4,3e-4"),
        ("lm", "finetuning.encoder.epochs", "finetuning.encoder.learning_rate", "finetuning.encoder.batch_size",
         "finetuning.encoder.max_length", "finetuning.encoder.schedule.warmup", "finetuning.subset.n", "seed",
         "runtime.device"), "finetune"),
    "features": Page(
        f"Turns the texts of a data set into vectors of a frozen encoder. {BUILDS}",
        ("task=toy_sentiment corpus=toy tokenizer=toy pretraining=toy lm=pretrained",
         "task=toy_sentiment corpus=toy model=byte_lstm pretraining=toy_bytes",
         "task=text_file task.files.all=reviews.tsv lm=LM_FOLDER features.pooling=mean"),
        ("lm", "features.pooling", "features.states", "features.max_length", "runtime.device"), "finetune"),
    "eval": Page(
        f"Scores a task model on the chosen splits and stores every prediction. {BUILDS}",
        ("task=toy_sentiment corpus=toy tokenizer=toy pretraining=toy lm=pretrained",
         "task=toy_ner corpus=toy tokenizer=toy pretraining=toy -m lm=none,pretrained seed=0,1",
         "+experiment=quickstart only=[lm] evaluation.splits=[validation,test]"),
        ("evaluation.splits", "evaluation.metrics", "evaluation.bootstrap", "lm", "seed",
         "finetuning.encoder.epochs", "finetuning.encoder.learning_rate"), "eval"),
    "report": Page(
        f"Writes tables, figures and one HTML page over all rows and seeds. {BUILDS}",
        ("+experiment=quickstart", "+experiment=quickstart only=[scratch,lm] seeds=[0,1,2]",
         "task=toy_sentiment corpus=toy tokenizer=toy 'rows={a:[lm=none],b:[lm=pretrained]}'"),
        ("rows", "only", "seeds", "report.baseline", "report.metric", "report.title", "lm"), "report"),
    "run": Page(
        "Builds everything that the configuration describes, down to the report. Nothing is built twice.",
        ("+experiment=quickstart", "+experiment=quickstart dry_run=true",
         "task=text_file task.files.all=mine.csv task.text_column=body task.label_column=stars"),
        ("rows", "only", "seeds", "lm", "finetuning.encoder.epochs", "finetuning.encoder.learning_rate",
         "report.baseline"), "report"),
    "reproduce": Page(
        "Builds the tables and figures of a paper, prints them beside the paper's figures and writes HTML pages.",
        ("ls", "bataa2019/table3", "bataa2019 scale=paper data_root=/data dry_run=true")),
    "predict": Page(
        "Classifies or tags the texts of a file or of standard input.",
        ("MODEL_ID reviews.txt output=labels.tsv", "MODEL_ID news.txt format=brat output=news",
         "MODEL_ID,OTHER_ID - input_format=jsonl")),
    "probe": Page(
        f"Examines a frozen model for something, see `jpt ls probes`. {BUILDS}",
        ("probe=sentiment_unit task=text_file task.files.all=reviews.tsv lm=LM_ID",
         "probe=sentiment_unit task=sst_binary data_root=/data model=byte_lstm corpus=toy"),
        ("probe.name", "lm", "features.pooling", "features.states", "runtime.device"), "finetune"),
    "heatmap": Page(
        "Colours each character of the texts of a file by the value that one unit of an encoder has after it.",
        ("MODEL_ID reviews.txt", "MODEL_ID reviews.txt output=heat.png unit=7 limit=5",
         "MODEL_ID - output=values.jsonl")),
    "attention": Page(
        "Shows which parts of a text a model with a self-attentive head weighs most.",
        ("MODEL_ID reviews.txt", "MODEL_ID reviews.txt output=heat.html limit=20",
         "MODEL_ID reviews.txt output=weights.jsonl")),
    "generate": Page(
        "Writes text with a causal language model: a byte LSTM, an AWD-LSTM, or one of transformers. The same seed "
        "gives the same text. Text of a byte model is always valid UTF-8.",
        ("MODEL_ID", "MODEL_ID n=10 length=200 temperature=0.8 top_k=40 prime=このホテルは output=samples.jsonl",
         "MODEL_ID 'generation.clamp={unit: 2388, value: -1, of: hidden}'", "gpt2-folder/ prime=雨 temperature=0")),
    "export": Page(
        "Writes a tokenizer, language model or task model as a folder that plain transformers loads.",
        ("MODEL_ID my-model/",)),
    "import": Page(
        "Makes a language model of weights that were released in another form: the byte language model of Radford et "
        "al. (2017), arrays 0.npy to 14.npy. The new folder is one for lm=FOLDER and for `jpt generate FOLDER`.",
        ("released/ radford2017/",)),
    "compare": Page(
        "Prints the difference of two evaluations with its interval and a paired test.",
        ("EVAL_A EVAL_B", "EVAL_A EVAL_B split=validation metric=macro_f1 mcnemar=true",
         "A_SEED0,A_SEED1 B_SEED0,B_SEED1")),
    "artifacts": Page(
        "Lists, shows, traces, compares, checks, removes and exchanges the artifacts of a store.",
        ("ls kind=language_model", "lineage MODEL_ID", "pull MODEL_ID remote=/mnt/shared/outputs")),
    "ls": Page(
        "Lists what there is to choose from. Without a name it prints the names of all lists.",
        ("models", "tasks --config-dir=my_configs", "kinds")),
    "doctor": Page("Checks dictionaries, devices, packages and folders of this machine.", ("", "data_root=/data")),
}
"""Verb -> its page."""


def verb_help(verb: Verb, words: list[str]) -> str:
    """Return the page that ``--help`` among the `words` after a verb asks for.

    Raises:
        ConfigError: the verb has no section of this name.
    """
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument("--help", "-h", nargs="?", const="")
    parser.add_argument("--config-dir", "-cd", type=Path)
    arguments, _ = parser.parse_known_args(words)
    asked = "" if "=" in arguments.help else arguments.help
    choices = groups([arguments.config_dir] if arguments.config_dir else [])
    if not asked:
        lines = _overview(verb, PAGES.get(verb.name) or _other_page(verb), choices)
    elif asked == "all":
        lines = map(_line, settings(verb.config_class))
    else:
        lines = _section(verb, asked, choices if verb.is_experiment else {})
    return "\n".join(lines)


def _other_page(verb: Verb) -> Page:
    """Return the page of a verb that an installed package adds: all groups, without examples."""
    return Page(f"{verb.help[:1].upper()}{verb.help[1:]}.", (), last="report")


def _overview(verb: Verb, page: Page, choices: dict[str, dict[str, Path]]) -> Iterator[str]:
    known = {setting.path: setting for setting in settings(verb.config_class)}
    yield f"usage: {verb.usage()}"
    yield from ("", *textwrap.wrap(page.about, WIDTH))
    yield from ["", "Examples:"] if page.examples else []
    yield from (f"  jpt {verb.name} {example}".rstrip() for example in page.examples)
    if page.groups:
        yield from ("", "Groups (group=choice; an experiment with a plus, +experiment=quickstart):")
        for group in page.groups:
            about = known[group].help if group in known else "rows to compare, with everything that they need"
            yield _choices_line(group, about, list(choices[group]))
    yield from ("", "Settings that are changed most (key=value):" if page.common else "Settings (key=value):")
    shown = page.common or [path for path, one in known.items() if "." not in path and not one.is_section]
    yield from (_line(known[path]) for path in shown)
    if page.common:
        yield "  dry_run=true prints the plan and stops; outputs_root=DIR and data_root=DIR say where things are."
    yield ""
    sections = [path for path in [*page.common, *known] if "." in path]
    if sections:
        example = sections[0].partition(".<")[0].rpartition(".")[0]
        yield f"jpt {verb.name} --help SECTION   every setting of a section, such as {example}"
        yield f"jpt {verb.name} --help all       every setting"
    if page.groups:
        yield "Options: -m runs every combination of values given as a,b; --cfg job prints the configuration;"
        yield "  --config-dir DIR adds a folder with your own choices; --hydra-help lists the others."


def _choices_line(group: str, about: str, names: list[str]) -> str:
    """Return a group with its line of help and as many of its choices as fit on one line."""
    head = f"  {group:<12} {about.partition(';')[0]}: "
    names = sorted(names, key=lambda name: (FIRST.index(name) if name in FIRST else len(FIRST), name))
    shown = ", ".join(names)
    for count in range(len(names) - 1, 0, -1):
        if len(head) + len(shown) <= WIDTH:
            break
        shown = f"{', '.join(names[:count])}, … ({len(names)})"
    return printable(head + shown)


def _line(setting: Setting) -> str:
    """Return a setting with its type, default and help, wrapped."""
    facts = "" if setting.is_section else f" ({setting.type}, default {setting.default})"
    return _wrapped(f"{setting.path}{facts}: {setting.help}")


def _wrapped(text: str) -> str:
    return textwrap.fill(text, WIDTH, initial_indent="  ", subsequent_indent=" " * 6, break_long_words=False,
                         break_on_hyphens=False)


def _section(verb: Verb, name: str, choices: dict[str, dict[str, Path]]) -> Iterator[str]:
    """Yield the choices of a group and the settings of a section, or one setting."""
    found = [one for one in settings(verb.config_class) if f"{one.path}.".startswith(f"{name}.")]
    if not found and name not in choices:
        known = dict.fromkeys([*(one.path for one in settings(verb.config_class)), *choices])
        raise ConfigError(f"unknown section '{name}'{nearest(name, known)}; `jpt {verb.name} --help all` lists all")
    if name in choices:
        yield f"Choices ({'+' if name == 'experiment' else ''}{name}=NAME):"
        yield from (_wrapped(printable(f"{choice}: {headline(file)}")) for choice, file in choices[name].items())
        yield from ["", "Settings:"] if found else []
    for number, setting in enumerate(found):
        yield from [""] if setting.is_section and number else []
        yield _line(setting)
