"""Rules for task models, their evaluation and the report."""

from __future__ import annotations

from jptransfer.config.features import States
from jptransfer.config.finetuning import ClassWeights
from jptransfer.config.run import Config
from jptransfer.errors import ConfigError
from jptransfer.pipeline.rules.base import rule
from jptransfer.pipeline.rules.facts import (
    architecture_of,
    check_groups,
    has_language_model,
    is_encoder,
    is_given,
    learner_of,
    needs_language_model,
    needs_text,
    positions,
    task_architecture,
    task_kind,
    task_level,
)
from jptransfer.registry import HEADS, LEARNERS
from jptransfer.transfer.groups import ENCODER, HEAD


@rule("task_model")
def learner_trains_the_architecture(config: Config) -> str | None:
    """A learner that is named trains models of the architecture."""
    own, chosen = architecture_of(config).learner, learner_of(config)
    if chosen == own or (needs_language_model(own) and needs_language_model(chosen)):
        return None
    fitting = " or ".join(filter(needs_language_model, LEARNERS)) if needs_language_model(own) else own
    return (f"finetuning.learner={chosen}: models of architecture {config.model.architecture} are trained by learner "
            f"{fitting}")


@rule("task_model")
def start_is_described(config: Config) -> str | None:
    """The language model that `lm` asks for is described by the configuration."""
    if config.lm not in ("adapted", "pretrained") or not needs_language_model(learner_of(config)):
        return None
    if not has_language_model(config):
        return f"lm={config.lm}: model.architecture={config.model.architecture} has no language model; take lm=none"
    if config.lm == "adapted" and not config.domain.sources:
        return needs_text("domain", "lm=adapted")
    if config.lm == "pretrained" and not config.corpus.sources and not is_given(config):
        return needs_text("corpus", "lm=pretrained")
    return None


@rule("task_model")
def model_answers_what_the_task_asks(config: Config) -> str | None:
    """Learner and head label what the task asks to be labelled: whole texts or every token."""
    level, loss, able = task_level(config), task_kind(config).output.loss, LEARNERS.entries[learner_of(config)]
    if able.level not in ("", level):
        return (f"model={config.model.architecture} is for classification, and this task is {config.task.kind}; take a "
                "model that encodes text, such as bert_tiny")
    if able.losses and loss not in able.losses:
        return (f"model={config.model.architecture} cannot learn a task of kind {config.task.kind} (loss {loss}); take "
                "a model that encodes text, such as bert_tiny, or linear_tfidf")
    head = config.finetuning.encoder.head.name
    if not is_encoder(config) or not head or HEADS.entries[HEADS.check(head)].level == level:
        return None
    scores = "every token" if level == "sequence" else "whole texts"
    fitting = ", ".join(sorted(name for name, entry in HEADS.entries.items() if entry.level == level))
    return (f"finetuning.encoder.head.name: head '{head}' scores {scores}, and this task is {config.task.kind}; for it "
            f"there are: {fitting}")


@rule("task_model")
def layer_groups_exist(config: Config) -> str | None:
    """Settings that name layer groups name some that the architecture can have, and leave something to learn."""
    if not is_encoder(config):
        return (f"transfer.groups: {config.model.architecture} has no layer groups" if config.transfer.groups else None)
    encoder = config.finetuning.encoder
    if "*" in encoder.freeze or {ENCODER, HEAD} <= set(encoder.freeze):
        return "finetuning.encoder.freeze leaves nothing to learn"
    if not task_architecture(config):
        return None
    check_groups(config.transfer.groups, config, "transfer.groups")
    check_groups(encoder.freeze, config, "finetuning.encoder.freeze")
    for name, phase in encoder.phases.items():
        check_groups(phase.lr_multipliers, config, f"phase '{name}': lr_multipliers")
        check_groups(phase.unfreeze, config, f"phase '{name}': unfreeze")
    return None


@rule("task_model")
def recurrent_settings_meet_a_recurrent_model(config: Config) -> str | None:
    """Windows and activation regularisation are for encoders that carry a state; windows for whole texts alone."""
    encoder, architecture = config.finetuning.encoder, task_architecture(config)
    if not is_encoder(config):
        return None
    for name, unset in (("bptt", "null"), ("ar", "0"), ("tar", "0")):
        if architecture and getattr(encoder, name) and not architecture.windows:
            return (f"finetuning.encoder.{name}: it is for recurrent language models such as awd_lstm, and this is "
                    f"{config.model.architecture}; leave it out ({unset})")
    if encoder.bptt and task_level(config) == "token":
        return ("finetuning.encoder.bptt: the head sees the end of a text, and this task needs every token; leave "
                "it out (null)")
    return None


@rule("task_model")
def only_labelled_tasks_weigh_labels(config: Config) -> str | None:
    """Weights and smoothing of labels are for kinds of task that have labels."""
    from jptransfer.tasks.abilities import Labelled

    if issubclass(task_kind(config), Labelled):
        return None
    learner = learner_of(config)
    settings = getattr(config.finetuning, learner, None)
    for name, unset in (("class_weights", ClassWeights.none), ("label_smoothing", 0.0)):
        if getattr(settings, name, unset) != unset:
            return f"finetuning.{learner}.{name}: a task of kind {config.task.kind} has no labels; leave it out"
    return None


@rule("task_model")
def crf_has_no_loss_per_tag(config: Config) -> str | None:
    """A conditional random field decides tags together, so nothing weighs the loss of each."""
    encoder = config.finetuning.encoder
    if not is_encoder(config) or encoder.head.name != "crf":
        return None
    for name, unset in (("class_weights", ClassWeights.none), ("label_smoothing", 0.0), ("ar", 0.0), ("tar", 0.0)):
        if getattr(encoder, name) != unset:
            return f"finetuning.encoder.{name}: head crf decides tags together; it has no loss for each"
    return None


@rule("task_model")
def head_can_read_the_encoder(config: Config) -> str | None:
    """Heads get the states that they read from a fresh encoder."""
    head, architecture = config.finetuning.encoder.head, task_architecture(config)
    if not is_encoder(config) or not architecture:
        return None
    if head.name == "rcnn" and not getattr(getattr(config.model, config.model.architecture), "bidirectional", False):
        return ("finetuning.encoder.head.name=rcnn reads the states of a recurrent net of both directions: "
                "model.architecture rnn or lstm, and bidirectional=true in its section")
    if head.scalar_mix and not head.name and not architecture.head:
        return ("finetuning.encoder.head.scalar_mix: the head that transformers has for this encoder reads its top "
                "layer; name another, for example finetuning.encoder.head.name=pooled")
    return None


@rule("task_model")
def texts_fit_the_model(config: Config) -> str | None:
    """Texts are cut to what encoder and head have positions for."""
    encoder = config.finetuning.encoder
    if not is_encoder(config):
        return None
    limits = [positions(config) if task_architecture(config) else None,
              encoder.head.temporal_cnn.length if encoder.head.name == "temporal_cnn" else None]
    most = min((limit for limit in limits if limit), default=encoder.max_length)
    if encoder.max_length > most:
        return f"finetuning.encoder.max_length={encoder.max_length}, but the model has {most} positions"
    return None


@rule("features")
def features_are_of_whole_texts(config: Config) -> str | None:
    """Features are vectors of texts, of states that the encoder has."""
    if task_level(config) == "token":
        return f"features are vectors of whole texts, and this task ({config.task.kind}) asks for every token"
    architecture, states = task_architecture(config), config.features.states
    if architecture and not architecture.cells and states not in (None, States.hidden):
        return (f"features.states={states.value}: {config.model.architecture} has no cells; leave it out (null)")
    most = positions(config) if architecture else None
    if most and (config.features.max_length or 0) > most:
        return f"features.max_length={config.features.max_length}, but the model has {most} positions"
    return None


@rule("task_model")
def strengths_are_positive(config: Config) -> str | None:
    """The linear model has strengths of regularisation to choose from."""
    strengths = config.finetuning.tfidf.c
    if learner_of(config) == "tfidf" and (not strengths or min(strengths) <= 0):
        return "finetuning.tfidf.c: one positive number or more is needed"
    return None


@rule("task_model")
def selection_metric_fits_the_task(config: Config) -> str | None:
    """The metric that chooses the best model is defined for the task."""
    learner = learner_of(config)
    name: str = getattr(getattr(config.finetuning, learner, None), "metric_for_best_model", "")
    return _metric_problem(f"finetuning.{learner}.metric_for_best_model", [name], config)


@rule("evaluation")
def every_epoch_is_there(config: Config) -> str | None:
    """The best epoch of the test split is one of a single model that kept all of them."""
    kept = is_encoder(config) and config.finetuning.encoder.save_every_epoch and not config.ensemble
    if config.evaluation.oracle_epoch and not kept:
        return ("evaluation.oracle_epoch: it needs a single model that encodes text, with all its epochs "
                "(finetuning.encoder.save_every_epoch=true)")
    return None


@rule("task_model", "evaluation")
def answers_can_be_averaged(config: Config) -> str | None:
    """An ensemble averages the answers of its members."""
    from jptransfer.tasks.abilities import Averages

    if config.ensemble and not issubclass(task_kind(config), Averages):
        return f"ensemble: it averages predictions, and those of kind {config.task.kind} have no average"
    return None


@rule("task_model", "evaluation")
def metrics_fit_the_task(config: Config) -> str | None:
    """Further metrics are defined for the task.

    Fine-tuning does not compute them, but a wrong one would otherwise be found only after it.
    """
    return _metric_problem("evaluation.metrics", config.evaluation.metrics, config)


@rule("evaluation", "report")
def report_metric_fits_the_task(config: Config) -> str | None:
    """The metric of the results table is defined for the task."""
    return _metric_problem("report.metric", [config.report.metric], config)


def _metric_problem(where: str, names: list[str], config: Config) -> str | None:
    from jptransfer.evaluation.metrics import load_metric

    for name in filter(None, names):
        try:
            load_metric(name, task_kind(config))
        except ConfigError as error:
            return f"{where}: {error}"
    return None
