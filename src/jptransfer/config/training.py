"""Settings of training: update rule, learning rate over time, phases, language models."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from jptransfer.config.fields import setting
from jptransfer.registration import WithMembers
from jptransfer.registry import OBJECTIVES, OPTIMIZERS, SCHEDULES


class Precision(Enum):
    """Number format of matrix products; it changes the outcome, so it is part of the identity."""

    fp32 = "fp32"
    bf16 = "bf16"


@OPTIMIZERS.sections("name")
@dataclass
class OptimizerConfig(WithMembers):
    """How gradients become updates."""

    name: str = setting("adamw", registry="optimizers")
    """see `jpt ls optimizers`"""
    eps: float = setting(1e-6, low=0.0)
    """term added to the denominator"""
    weight_decay: float = setting(0.01, low=0.0)
    """decoupled in adamw and bert_adam, else added to the gradient"""
    decay_biases: bool = setting(False, omit_when=False)
    """biases and normalisation decay too, as in fastai 1; otherwise only matrices do"""
    clip: float = setting(1.0, low=0.0)
    """limit of the gradient's global norm; 0: none"""


@SCHEDULES.sections("name")
@dataclass
class ScheduleConfig(WithMembers):
    """How the learning rate moves; only the section of the schedule's own name counts."""

    name: str = setting("linear", registry="schedules")
    """see `jpt ls schedules`"""
    warmup: float = setting(0.1, low=0.0, read_if="warmup")
    """linear, bert_linear, cosine, constant: below 1: share of all steps; from 1 on: steps"""


@OBJECTIVES.sections("name")
@dataclass
class ObjectiveConfig(WithMembers):
    """What a language model predicts."""

    name: str = setting("mlm", registry="objectives")
    """see `jpt ls objectives`"""


@dataclass
class PhaseConfig:
    """A part of a training run: its length, learning rate and trained layer groups; each part has a new optimizer."""

    epochs: float | None = setting(None, low=0.0)
    """passes over the training split; null: the `epochs` or `max_steps` of the section above"""
    lr_multiplier: float = setting(1.0, low=0.0)
    """factor of the section's learning rate in this phase"""
    unfreeze: list[str] = setting(factory=lambda: ["*"])
    """layer groups that are trained: names, wildcards, `encoder`, or `last 2` for the top two (the head is the last)"""
    layerwise_lr_decay: float | None = setting(None, low=0.0)
    """factor of the learning rate from one layer group to the next lower one; null: as in the section above"""
    schedule: ScheduleConfig | None = setting(None, omit_when=None)
    """learning rate schedule of the phase; null: as in the section above"""
    lr_multipliers: dict[str, float] = setting(factory=dict)
    """layer groups (as in `unfreeze`) -> factor of their learning rate, in place of `layerwise_lr_decay`"""


@dataclass
class LmPhaseConfig(PhaseConfig):
    """A phase of a language model's training, which may read sequences of another length (BERT: the last ones longer).
    """

    max_steps: int | None = setting(None, low=1, omit_when=None)
    """updates, in place of `epochs`"""
    max_length: int | None = setting(None, low=8, omit_when=None)
    """mlm: longest sequence in tokens; null: as in the section above"""
    max_predictions: int | None = setting(None, low=1, omit_when=None)
    """mlm: most masked tokens of a sequence that are predicted; null: as in the objective's settings"""


class VocabularyPolicy(Enum):
    """Whose units a language model has after adaptation."""

    keep = "keep"
    migrate = "migrate"


class NewTokenInit(Enum):
    """What a unit begins with that the vocabulary before did not have."""

    mean = "mean"
    fresh = "fresh"


@dataclass
class LmTrainingConfig:
    """Training of a language model, from scratch or from a start."""

    name: str = setting("lm", label=True)
    """label of the artifact"""
    init_from: str = setting("scratch", external=True)
    """scratch, an artifact id, a folder, or `hf:org/name@revision`; adaptation has none: it starts from the LM"""
    vocabulary: VocabularyPolicy = setting(VocabularyPolicy.keep, omit_when=VocabularyPolicy.keep)
    """adaptation: keep the units of the model, or convert it to those of a tokenizer trained on the domain"""
    new_token_init: NewTokenInit = setting(NewTokenInit.mean, omit_when=NewTokenInit.mean)
    """with `vocabulary: migrate`: units the model did not have begin as the mean of its embeddings, or afresh"""
    objective: ObjectiveConfig = setting(factory=ObjectiveConfig)
    """what is predicted"""
    max_length: int = setting(128, low=8)
    """longest sequence in tokens, special tokens included; causal, bilm (words): window of truncated backpropagation"""
    pack: bool = True
    """fill a sequence with consecutive sentences of a document; otherwise one sentence each (mlm)"""
    state_reset_prob: float = setting(0.0, low=0.0, high=1.0, omit_when=0.0)
    """causal, bilm: chance that a stream's state begins anew at a window of training, as at every text of a task; 0: it
    is carried throughout, as in the papers"""
    batch_tokens: int = setting(4096, low=8)
    """global batch: tokens (padding included) an update; causal, bilm (words): `batch_tokens / max_length` streams"""
    micro_batches: int = setting(4, low=1)
    """parts of a batch, each of one length and with its own random numbers; processes and forward passes share parts"""
    max_steps: int | None = setting(None, low=1)
    """updates; null: from `epochs`"""
    epochs: float = setting(1.0, low=0.0)
    """passes over the training split, if `max_steps` is not given"""
    learning_rate: float = setting(1e-4, low=0.0)
    """peak learning rate"""
    optimizer: OptimizerConfig = setting(factory=OptimizerConfig)
    """update rule"""
    schedule: ScheduleConfig = setting(factory=ScheduleConfig)
    """learning rate over time"""
    phases: dict[str, LmPhaseConfig] = setting(factory=dict, ordered=True, omit_when={})
    """name -> part of the run, one after the other, each with the whole schedule; empty: a single one"""
    precision: Precision = Precision.fp32
    """number format"""
    evaluations: int = setting(10, low=0)
    """evaluations on the validation split (of each phase), evenly spaced, the last one at the end"""
    evaluation_sequences: int = setting(2000, low=1)
    """sequences (causal, bilm: windows of a stream) of the validation split each evaluation reads"""
    evaluate_test: bool = setting(False, omit_when=False)
    """each evaluation also reads the test split of the corpus (`corpus.test_fraction`); it decides nothing"""
    seed: int = setting(0, low=0)
    """seed of initial weights, order, masks and dropout"""
    checkpoint_every: int | None = setting(None, low=1, label=True)
    """updates between resumable checkpoints; null: every `runtime.checkpoint_seconds`; changes no outcome"""
