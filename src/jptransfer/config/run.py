"""Settings of evaluation, report and runtime, and the root configuration of an experiment."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from importlib.util import find_spec

from jptransfer.config.features import FeaturesConfig
from jptransfer.config.fields import setting
from jptransfer.config.finetuning import FinetuningConfig, TransferConfig
from jptransfer.config.models import ModelConfig
from jptransfer.config.probe import ProbeConfig
from jptransfer.config.task import TaskConfig
from jptransfer.config.text import CorpusConfig, EncodingConfig, TokenizerConfig
from jptransfer.config.training import LmTrainingConfig
from jptransfer.registry import SOURCES


@dataclass
class EvaluationConfig:
    """How a task model is scored."""

    name: str = setting("evaluation", label=True)
    """label of the artifact"""
    splits: list[str] = setting(factory=list)
    """splits to predict and score; empty: that of `task.roles.final`, usually test; fine-tuning itself stores
    predictions and scores of the split that it selects on"""
    metrics: list[str] = setting(factory=list, registry="metrics")
    """extra metrics beside the task's own, see `jpt ls metrics`"""
    oracle_epoch: bool = setting(False, omit_when=False)
    """also score each split with the epoch that is best on that very split, as some papers report, under a name of its
    own (test: oracle_test_epoch); such a score is optimistic, since its epoch was chosen on the same split; needs
    `finetuning.encoder.save_every_epoch`"""
    bootstrap: int = setting(1000, low=20, off=0)
    """resamples behind an interval; 0: no interval"""
    confidence: float = setting(0.95, low=0.5, high=0.999)
    """level of intervals"""
    seed: int = setting(0, low=0)
    """seed of resampling"""


@dataclass
class ReportConfig:
    """The page of evidence and its tables."""

    name: str = setting("report", label=True)
    """label of the artifact"""
    title: str = ""
    """heading of the page; empty: the experiment's name"""
    metric: str = setting("", registry="metrics")
    """metric of the results table; empty: the task's own"""
    baseline: str = ""
    """row the others are compared with; empty: the first one"""
    trials: int = setting(10_000, low=100)
    """trials of approximate randomisation"""
    bootstrap: int = setting(1000, low=20, off=0)
    """resamples behind an interval; 0: no interval"""
    mcnemar: bool = setting(False, omit_when=False)
    """also test accuracy by McNemar's test (classification); with several seeds it is Durkalski's clustered one"""
    confidence: float = setting(0.95, low=0.5, high=0.999)
    """level of intervals; a difference is called significant if p is below its complement and, with several seeds, the
    interval over examples and seeds does not hold zero"""
    errors: int = setting(20, low=0)
    """examples of errors shown"""
    seed: int = setting(0, low=0)
    """seed of tests and of the choice of examples"""


class Device(Enum):
    """Kind of processor."""

    auto = "auto"
    cpu = "cpu"
    gpu = "gpu"
    tpu = "tpu"


class Tracker(Enum):
    """Experiment tracker that gets the learning curves, through Accelerate."""

    tensorboard = "tensorboard"
    wandb = "wandb"
    trackio = "trackio"


@dataclass
class RuntimeConfig:
    """What changes only speed or place, never an outcome; no field of it is part of an identity."""

    device: Device = Device.auto
    """auto, cpu, gpu or tpu"""
    processes: int = setting(1, low=1)
    """training processes on this machine, which share the parts of a batch; more of them than parts (fine-tuning has
    one) cut parts, and then dropout is drawn anew for the pieces"""
    threads: int | None = setting(None, low=1)
    """CPU threads per process; null: OMP_NUM_THREADS, else the cores of the job (Slurm's, or those of the CPU mask)
    divided by processes"""
    workers: int | None = setting(None, low=1)
    """processes that read and tokenise text; null: one per core of the job (Slurm, CPU mask)"""
    micro_batch_tokens: int | None = setting(None, low=8)
    """tokens in one forward pass; the global batch is accumulated from such parts; null: whole"""
    compile: bool = False
    """compile the model (torch.compile)"""
    trackers: list[Tracker] = setting(factory=list)
    """trackers for learning curves"""
    tracker_dir: str = "${outputs_root}/trackers"
    """folder of what trackers write on this machine"""
    checkpoint_seconds: float = setting(60.0, low=0.0)
    """time between resumable checkpoints of a training run; 0: every step"""
    progress: bool = True
    """show progress bars"""

    def validate(self) -> str:
        """Return which tracker lacks its package, if any does."""
        for tracker in self.trackers:
            if find_spec(tracker.value) is None:
                return f".trackers: {tracker.value} is not installed: pip install 'jptransfer[{tracker.value}]'"
        return ""


class Upstream(Enum):
    """What to do when a needed artifact is missing."""

    build = "build"
    require = "require"


@dataclass(kw_only=True)
class CommandConfig:
    """What every verb takes."""

    plugins: list[str] = setting(factory=list)
    """importable modules that register further heads, encoders, readers, metrics, ... (see `jpt ls`); those that are
    installed with an entry point of group `jptransfer` need not be named"""


@dataclass
class Config(CommandConfig):
    """A whole experiment: everything from official files to the report."""

    name: str = "experiment"
    """name of the experiment, shown in the report"""
    data_root: str = "${oc.env:JPT_DATA_ROOT,data}"
    """folder that official files are found under"""
    outputs_root: str = "${oc.env:JPT_OUTPUTS,outputs}"
    """folder of artifacts, work in progress and logs"""
    corpus: CorpusConfig = setting(factory=CorpusConfig)
    """text a language model is pre-trained on"""
    domain: CorpusConfig = setting(factory=CorpusConfig)
    """text it is adapted to; without sources there is no adaptation"""
    tokenizer: TokenizerConfig = setting(factory=TokenizerConfig)
    """units of text"""
    encoding: EncodingConfig = setting(factory=EncodingConfig)
    """stored token ids"""
    model: ModelConfig = setting(factory=ModelConfig)
    """architecture and size"""
    pretraining: LmTrainingConfig = setting(factory=LmTrainingConfig)
    """training of the language model"""
    adaptation: LmTrainingConfig = setting(factory=LmTrainingConfig)
    """training on the domain"""
    lm: str = setting("auto", external=True)
    """language model to fine-tune: none (from scratch), pretrained, adapted, auto (adapted if there is a domain), or
    one made elsewhere, which a domain adapts first (corpus=none): an artifact id, a folder or `hf:org/name@revision`"""
    task: TaskConfig = setting(factory=TaskConfig)
    """labelled data"""
    features: FeaturesConfig = setting(factory=FeaturesConfig)
    """texts as vectors of a frozen encoder, for `finetuning.learner=linear_probe`"""
    probe: ProbeConfig = setting(factory=ProbeConfig)
    """what a frozen model is examined for"""
    finetuning: FinetuningConfig = setting(factory=FinetuningConfig)
    """training of the task model"""
    transfer: TransferConfig = setting(factory=TransferConfig)
    """another task model that it takes layer groups from"""
    evaluation: EvaluationConfig = setting(factory=EvaluationConfig)
    """scoring"""
    report: ReportConfig = setting(factory=ReportConfig)
    """tables, figures and the page"""
    runtime: RuntimeConfig = setting(factory=RuntimeConfig)
    """device, processes, logging: nothing that changes an outcome"""
    seed: int = setting(0, low=0)
    """seed of fine-tuning"""
    seeds: list[int] = setting(factory=list)
    """several seeds of fine-tuning; empty: only `seed`. A `seed` given on the command line or in a row replaces them"""
    rows: dict[str, list[str]] = setting(factory=dict)
    """rows to compare in one report: name -> overrides as on the command line; empty: this configuration alone"""
    ensemble: dict[str, list[str]] = setting(factory=dict)
    """further task models, whose probabilities are averaged with those of this configuration's own when it is
    evaluated: name -> overrides as on the command line (a backward language model, another seed)"""
    only: list[str] = setting(factory=list)
    """names of the rows to run; empty: all of them"""
    upstream: Upstream = Upstream.build
    """build what is missing upstream, or require that it is there and print the commands that make it"""
    dry_run: bool = False
    """print the plan and stop"""

    def validate(self) -> str:
        """Return which split that another section names the data set cannot have, if there is one."""
        named = {"evaluation.splits": self.evaluation.splits}
        for section, corpus in (("corpus", self.corpus), ("domain", self.domain)):
            for table, sources in (("sources", corpus.sources), ("exclude", corpus.exclude)):
                named |= {f"{section}.{table}.{name}.split": [source.split] for name, source in sources.items()
                          if source.split and "dataset" in SOURCES.entries[source.format].needs}
        return next((f"{where}: {message}" for where, splits in named.items() for split in splits
                     if (message := self.task.unknown_split(split))), "")
