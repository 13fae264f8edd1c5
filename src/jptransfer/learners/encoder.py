"""Fine-tuning of an encoder with a head (Devlin et al. 2019, section 3.2), through the one training loop."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from math import lcm
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from transformers import PreTrainedConfig

from jptransfer.config import HeadConfig, PhaseConfig, TruncationSide
from jptransfer.config.plain import from_plain, to_plain
from jptransfer.errors import ConfigError
from jptransfer.learners.base import FitContext, FitResult, TransferSource
from jptransfer.learners.encoder_settings import EncoderFinetuningConfig
from jptransfer.learners.padding import find_padding
from jptransfer.learners.prediction import EPOCHS, Predictor, read_settings
from jptransfer.learners.scores import EncoderPredictor, count_cut, read_characters, score
from jptransfer.learners.task_data import TaskData
from jptransfer.learners.task_loss import Activations, TaskLoss
from jptransfer.models.dropout import set_dropouts
from jptransfer.models.encoder import encoder_of, longest_input
from jptransfer.models.pairing import check_pair
from jptransfer.models.pretrained import fresh_configuration
from jptransfer.models.task_models import (
    HeadedEncoder,
    complete_head,
    fresh_head,
    load_task_model,
    save_task_model,
)
from jptransfer.models.windows import WindowReader, Windows
from jptransfer.registry import LOSSES
from jptransfer.runtime import Runtime
from jptransfer.tasks.base import Feature, Limits, load_kind, make_task
from jptransfer.text.tokenizers import load_tokenizer
from jptransfer.text.types import Tokenizer
from jptransfer.training.checkpoint import load as load_checkpoint
from jptransfer.training.checkpoint import readable
from jptransfer.training.context import TrainingContext
from jptransfer.training.launch import launch
from jptransfer.training.loop import kept_weights
from jptransfer.training.phases import Phase, TrainSpec, make_phases, parameter_groups, train_phases
from jptransfer.training.types import LoopSettings, TrainingResult
from jptransfer.transfer.copying import TaskNet, copy_groups
from jptransfer.transfer.groups import HEAD, Groups, freeze, layer_groups, rate_factors

EVALUATION_BATCH = 64
STATIC_MULTIPLE = 32
"""Padding step where every distinct shape costs a compilation."""


class EncoderLearner:
    """A pre-trained or fresh encoder and a new head, trained end to end or with layer groups frozen."""

    @classmethod
    def fit(cls, job: FitContext, runtime: Runtime) -> FitResult:
        """Train, keep the checkpoint that is best on the validation split, and write it as a model of transformers.

        Raises:
            ConfigError: layer groups that do not exist or leave nothing to learn; no tokenizer; patience without a
                validation split; training diverged.
        """
        if job.config.encoder.patience and not job.validation:
            raise ConfigError("finetuning.encoder.patience: the data set has no validation split to judge epochs by; "
                              "leave it out (null)")
        result, report = launch(_train, runtime, job)
        config = job.config.encoder
        settings = {"max_length": config.max_length, "truncation_side": config.truncation_side.value,
                    "head": _plain(_head(job)),
                    **({"bptt": config.bptt} if config.bptt else {})}
        values = {"steps": result.steps, "best_step": result.best_step, **report, **_stand_in(job)}
        learned = {"kind": job.task.kind, "labels": job.task.labels, **settings}
        return FitResult(cls.load(job.out, learned, runtime), settings, result.history, values)

    @classmethod
    def load(cls, folder: Path, settings: Mapping[str, Any], runtime: Runtime) -> Predictor:
        """Load what `fit` wrote."""
        task = make_task(settings["kind"], settings["labels"])
        device = TrainingContext(runtime).device
        most = _tokens_read(_windows_of(settings), settings["max_length"])
        model, tokenizer = _load(folder, settings), load_tokenizer(folder)
        check_pair(model, tokenizer)
        return EncoderPredictor(task, model, tokenizer, most, device, runtime,
                                TruncationSide(settings.get("truncation_side", TruncationSide.right)))


def _head(job: FitContext) -> HeadConfig:
    """Return the head asked for, or the one that stands in where transformers has none for this encoder."""
    head = job.config.encoder.head
    return head if job.language_model is None else complete_head(job.language_model, job.task.output, head)


def _stand_in(job: FitContext) -> dict[str, str]:
    """Return the head of ours that was taken because transformers has none, for the summary; nothing if it has one."""
    head = _head(job)
    if head == job.config.encoder.head:
        return {}
    return {"head": f"pooled, {head.pooled.pooling.value}" if head.name == "pooled" else head.name}


def _plain(head: HeadConfig) -> dict[str, Any]:
    """Return plain settings of a head, in which a file that it was filled from has its name and no place."""
    if head.bcn.vectors:
        head = head.with_section("bcn", vectors=Path(head.bcn.vectors).name)
    return to_plain(head)  # type: ignore[no-any-return]


def _load(folder: Path, settings: Mapping[str, Any]) -> nn.Module:
    """Load the model of a folder that `EncoderLearner.fit` wrote with these settings."""
    head = from_plain(HeadConfig, settings["head"])
    return load_task_model(folder, load_kind(settings["kind"]).output, head, _windows_of(settings))


def _windows_of(settings: Mapping[str, Any]) -> Windows | None:
    return _windows(settings.get("bptt"), settings["max_length"])


def _windows(bptt: int | None, max_length: int) -> Windows | None:
    return Windows(bptt, max_length) if bptt else None


def _tokens_read(windows: Windows | None, max_length: int) -> int:
    """Return the most tokens of a text that go into the model: all there are where it reads in windows."""
    return sys.maxsize if windows else max_length


def _train(runtime: Runtime, job: FitContext) -> tuple[TrainingResult, dict[str, Any]]:
    """Train in one of `runtime.processes` processes; the main one writes the model to `job.out`."""
    config, task = job.config.encoder, job.task
    context = TrainingContext(runtime, config.precision)
    tokenizer = _tokenizer(job)
    model: Any
    started: dict[str, Any]
    model, started = _new_model(job, tokenizer)
    most = _tokens_read(_windows(config.bptt, config.max_length), config.max_length)
    read_characters(tokenizer, model)
    limits = Limits(most, config.truncation_side)
    features = task.encode(job.train, tokenizer, limits)
    cut = count_cut(features, len(job.train), tokenizer, most, model)
    validation = task.encode(job.validation, tokenizer, limits)
    if job.transfer:
        started |= {"transfer": _take_over(job, job.transfer, model, tokenizer, features)}
    groups = layer_groups(model)
    frozen = freeze(groups, config.freeze, "finetuning.encoder.freeze")
    padding = find_padding(model, task, tokenizer, most, training=True)
    step = STATIC_MULTIPLE if context.static_shapes and padding.mixed else 1
    data = TaskData(features, task.output.level, config.batch_size, tokenizer.pad_id, job.seed,
                    lcm(step, padding.multiple), padding.mixed, padding.least)

    def evaluate(model: nn.Module, context: TrainingContext) -> dict[str, float]:
        if not context.is_main:
            return {}
        scores = score(model, validation, task.output.level, tokenizer.pad_id, EVALUATION_BATCH, padding=padding)
        return job.selection.score(task.decode(validation, scores.rows, job.validation, scores.paths))

    objective = TaskLoss(LOSSES.load(task.output.loss).make(features, len(task.outputs), config),
                         [encoder_of(model)] if frozen and set(frozen) >= set(groups) - {HEAD} else [],
                         _activations(config, model))
    phases = _phases(job, groups, frozen, len(data.batches(0)))
    lesson = TrainSpec(objective, data, evaluate if validation else None)
    result = train_phases(model, lesson, phases, context, job.work)
    if context.is_main:
        save_task_model(model, job.out)
        tokenizer.save(job.out)
        for number, weights in enumerate(kept_weights(job.work), 1):
            kept = load_checkpoint(weights)
            with readable(weights):
                model.load_state_dict(kept)
            folder = job.out / EPOCHS / str(number)
            folder.mkdir(parents=True, exist_ok=True)
            save_task_model(model, folder)
            tokenizer.save(folder)
    return result, {**task.encoding_counts(job.train, features), "truncation": {"train": cut.describe()}, **started}


def _activations(config: EncoderFinetuningConfig, model: nn.Module) -> Activations | None:
    """Return the regularisation of the encoder's states that is asked for."""
    if not config.ar and not config.tar:
        return None
    if not isinstance(model, HeadedEncoder) or not isinstance(model.encoder, WindowReader):
        raise ConfigError(f"finetuning.encoder.{'ar' if config.ar else 'tar'}: it is of awd_lstm's states, and this is "
                          f"{type(encoder_of(model)).__name__}; leave ar and tar out (0)")
    return Activations(config.ar, config.tar, config.max_length if config.bptt else sys.maxsize)


def _tokenizer(job: FitContext) -> Tokenizer:
    if job.tokenizer is None:
        raise ConfigError("an encoder needs a tokenizer")
    return load_tokenizer(job.tokenizer)


def _new_model(job: FitContext, tokenizer: Tokenizer) -> tuple[nn.Module, dict[str, Any]]:
    """Return the model that training starts from, and what the summary tells of how it came about."""
    config = job.config.encoder
    source = job.language_model or _architecture(job, tokenizer)
    adjust = partial(set_dropouts, values=config.dropouts, factor=config.dropout_factor)
    model = _fresh(job, source, job.task.outputs, adjust)
    check_pair(model, tokenizer)
    positions = _longest(model)
    if positions and config.max_length > positions:
        raise ConfigError(f"finetuning.encoder.max_length={config.max_length}, but the model has {positions} positions")
    start = getattr(encoder_of(model), "start_from", None)
    told = dict(start(job.model, tokenizer)) if start and job.model else {}
    return model, told | getattr(getattr(model, "head", None), "start_from", lambda _: {})(tokenizer)


def _fresh(job: FitContext, source: Path | PreTrainedConfig, outputs: Sequence[str],
           adjust: Callable[[PreTrainedConfig], None] = lambda config: None) -> nn.Module:
    """Return an encoder with a new head, as the job wants it (see `fresh_head`)."""
    config = job.config.encoder
    return fresh_head(source, job.task.output, outputs, _head(job), job.seed, adjust,
                      _windows(config.bptt, config.max_length))


def _take_over(job: FitContext, source: TransferSource, model: nn.Module, tokenizer: Tokenizer,
               features: Sequence[Feature]) -> dict[str, Any]:
    """Copy layer groups of the source into a new model, and return what to tell of it (see `copy_groups`)."""
    settings = read_settings(source.folder)
    if (learner := settings["learner"]) != "encoder":
        raise ConfigError(f"transfer.source: a model of learner {learner} has no layer groups")
    with torch.random.fork_rng(devices=[]):
        theirs = _load(source.folder, settings)
    other = make_task(settings["kind"], settings["labels"])
    counts = np.bincount(np.concatenate([feature.input_ids for feature in features]), minlength=tokenizer.vocab_size)
    return copy_groups(TaskNet(theirs, load_tokenizer(source.folder), other), TaskNet(model, tokenizer, job.task),
                       source.groups, counts,
                       partial(_fresh, job))


def _longest(model: Any) -> int | None:
    """Return the most tokens that both the encoder and its head take; None: any number."""
    weights = getattr(getattr(model, "head", None), "longest", None)
    return min((limit for limit in (longest_input(encoder_of(model)), weights) if limit), default=None)


def _architecture(job: FitContext, tokenizer: Tokenizer) -> PreTrainedConfig:
    """Return the configuration of an encoder from scratch."""
    if job.model is None:
        raise ConfigError("lm=none: from scratch there must be a model")
    return fresh_configuration(job.model, tokenizer)


def _settings(job: FitContext, steps_per_epoch: int, epochs: float) -> LoopSettings:
    """Return the loop's settings for a run of `epochs`; it evaluates after each and at its end."""
    config = job.config.encoder
    steps = max(1, round(steps_per_epoch * epochs))
    ends = frozenset([*range(steps_per_epoch, steps, steps_per_epoch), steps])
    return LoopSettings(
        steps=steps, learning_rate=config.learning_rate, optimizer=config.optimizer,
        schedule=config.schedule, precision=config.precision, seed=job.seed, evaluate_at=ends,
        record_every=min(LoopSettings.record_every, steps_per_epoch),
        metric_for_best_model=job.selection.metric if job.validation else "",
        lower_is_better=not job.selection.higher_is_better, patience=config.patience, keep_all=config.save_every_epoch,
    )


def _phases(job: FitContext, groups: Groups, frozen: Sequence[str], steps_per_epoch: int) -> list[Phase]:
    """Return the phases asked for, or the single one of a run without."""
    config = job.config.encoder

    def settings(phase: PhaseConfig) -> LoopSettings:
        return _settings(job, steps_per_epoch, config.epochs if phase.epochs is None else phase.epochs)

    def factors(decay: float | None = None) -> dict[str, float]:
        decay = config.layerwise_lr_decay if decay is None else decay
        return rate_factors(groups, decay, config.head_lr_multiplier, config.lr_decay_from_head)

    learning = [name for name in groups if name not in frozen]
    if not learning:
        raise ConfigError("finetuning.encoder.freeze leaves nothing to learn")
    if not config.phases:
        return [Phase("", settings(PhaseConfig()), parameter_groups(groups, learning, factors()))]
    return make_phases(config.phases, groups, frozen, factors, settings)
