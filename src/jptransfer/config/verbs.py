"""Root configurations of the verbs that do not describe an experiment."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from jptransfer.config.fields import setting
from jptransfer.config.run import CommandConfig, RuntimeConfig


@dataclass
class ReproduceConfig(CommandConfig):
    """`jpt reproduce PAPER/TABLE | PAPER | all | ls`: make a paper's tables and figures."""

    suite: str = "???"
    """table as paper/table, all tables of a paper, `all`, a YAML file of your own, or `ls` to list them"""
    scale: str = "toy"
    """toy: minutes on a CPU, on shipped data; paper: the paper's sizes on its official files; or one the suite names"""
    only: list[str] = setting(factory=list)
    """names of the rows to run; empty: all of them"""
    cells: list[str] = setting(factory=list)
    """cells to run, as row/column; empty: all of them"""
    seeds: list[int] = setting(factory=list)
    """seeds of fine-tuning in place of the suite's"""
    overrides: list[str] = setting(factory=list)
    """overrides of every cell, as on the command line of `jpt run`"""
    data_root: str = "${oc.env:JPT_DATA_ROOT,data}"
    """folder that official files are found under"""
    outputs_root: str = "${oc.env:JPT_OUTPUTS,outputs}"
    """folder of artifacts; tables and pages are written to `suites` in it"""
    runtime: RuntimeConfig = setting(factory=RuntimeConfig)
    """device, processes, logging: nothing that changes an outcome"""
    dry_run: bool = False
    """show what is there, what is missing and how long it may take, and stop"""


@dataclass
class TextsConfig(CommandConfig):
    """Texts that are given to a task model, and what is made of them."""

    artifact: str = "???"
    """task model: artifact id, or folder"""
    input: str = "-"
    """file with one text per line, or of JSON objects with a field `text` (one per line, or a list); - for standard
    input. A model of pairs of texts reads a text, a tab and the second text per line, or objects with `text_pair`"""
    input_format: str = ""
    """text or jsonl; empty: from the input's name, text on standard input"""
    encoding: str = "utf-8"
    """character encoding of the input"""
    output: str = "-"
    """file to write; - for standard output"""
    batch_size: int = setting(64, low=1)
    """texts at a time"""
    outputs_root: str = "${oc.env:JPT_OUTPUTS,outputs}"
    """folder of artifacts"""
    runtime: RuntimeConfig = setting(factory=RuntimeConfig)
    """device and threads"""


class OutputFormat(Enum):
    """How predictions are written; conll and brat hold entities."""

    tsv = "tsv"
    jsonl = "jsonl"
    conll = "conll"
    brat = "brat"


@dataclass
class PredictConfig(TextsConfig):
    """`jpt predict MODEL [INPUT]`: classify or tag text."""

    artifact: str = "???"
    """task model: artifact id, or folder; several, separated by commas: their probabilities are averaged"""
    format: OutputFormat | None = None
    """entities also as columns (conll), or as brat's files in a new folder; null: from the output's name, else tsv"""


@dataclass
class AttentionConfig(TextsConfig):
    """`jpt attention MODEL [INPUT]`: show what a model with a self-attentive head looks at."""

    output: str = "attention.html"
    """page to write (.html), or the weights themselves (.jsonl; - for standard output)"""
    limit: int = setting(100, low=1)
    """texts that are shown, the first ones"""


@dataclass
class HeatmapConfig(TextsConfig):
    """`jpt heatmap MODEL [INPUT]`: colour each character of texts by the value of a unit of the encoder."""

    artifact: str = "???"
    """task model that was trained by learner linear_probe: artifact id, or folder"""
    output: str = "heatmap.html"
    """page to write (.html), picture (.png), or the values themselves (.jsonl; - for standard output)"""
    unit: int | None = setting(None, low=0)
    """unit of the encoder's states; null: the one with the largest weight in the model"""
    limit: int = setting(100, low=1)
    """texts that are shown, the first ones"""


@dataclass
class ExportConfig(CommandConfig):
    """`jpt export ARTIFACT FOLDER`: write a model as a folder that plain transformers loads."""

    artifact: str = "???"
    """tokenizer, language model or task model: artifact id"""
    to: str = "???"
    """new folder"""
    outputs_root: str = "${oc.env:JPT_OUTPUTS,outputs}"
    """folder of artifacts"""


@dataclass
class ImportConfig(CommandConfig):
    """`jpt import FOLDER TO`: make a language model of weights that were released in another form."""

    folder: str = "???"
    """weights of Radford et al. (2017): a folder with 0.npy to 14.npy"""
    to: str = "???"
    """new folder, for lm=FOLDER"""


@dataclass
class CompareConfig(CommandConfig):
    """`jpt compare A B`: difference, interval and paired test of two evaluations (or lists of them, one per seed)."""

    a: str = "???"
    """evaluation ids, separated by commas"""
    b: str = "???"
    """evaluation ids in the same order of seeds, separated by commas"""
    split: str = ""
    """split to compare on; empty: the one that the data set has for the role `final`, usually test"""
    metric: str = setting("", registry="metrics")
    """metric; empty: the task's own"""
    trials: int = setting(10_000, low=100)
    """trials of approximate randomisation"""
    bootstrap: int = setting(1000, low=20, off=0)
    """resamples behind the interval of the difference"""
    confidence: float = setting(0.95, low=0.5, high=0.999)
    """level of the interval"""
    mcnemar: bool = False
    """also test accuracy by McNemar's test (classification); with several seeds it is Durkalski's clustered one"""
    seed: int = setting(0, low=0)
    """seed of the test and the interval"""
    outputs_root: str = "${oc.env:JPT_OUTPUTS,outputs}"
    """folder of artifacts"""


@dataclass
class ArtifactsConfig(CommandConfig):
    """`jpt artifacts ls | show | lineage | diff | verify | rm | push | pull`: look after the artifact store."""

    action: str = "ls"
    """ls, show, lineage, diff, verify, rm, push or pull"""
    ids: list[str] = setting(factory=list)
    """artifacts meant: ids as short as they are unique"""
    remote: str = ""
    """for push and pull: another outputs folder, or `hf:org/name`"""
    kind: str = ""
    """for ls and verify: only this kind"""
    json: bool = False
    """for ls and show: JSON (also as --json)"""
    outputs_root: str = "${oc.env:JPT_OUTPUTS,outputs}"
    """folder of artifacts"""


@dataclass
class LsConfig(CommandConfig):
    """`jpt ls [WHAT]`: list what there is, a line each."""

    what: str = ""
    """models, tasks, corpora, tokenizers, datasets, metrics, ...; empty: the list of lists"""


@dataclass
class DoctorConfig(CommandConfig):
    """`jpt doctor`: check dictionary, devices, packages and folders."""

    outputs_root: str = "${oc.env:JPT_OUTPUTS,outputs}"
    """folder of artifacts"""
    data_root: str = "${oc.env:JPT_DATA_ROOT,data}"
    """folder of official files"""
