"""Stage pretrain: train a language model, from scratch or from a start, on an encoded corpus."""

from __future__ import annotations

import math
import shutil
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from jptransfer.config import LmPhaseConfig, LmTrainingConfig, ModelConfig, VocabularyPolicy
from jptransfer.config.objectives import chosen
from jptransfer.errors import ConfigError, DataError
from jptransfer.pipeline.experiment import per_graph
from jptransfer.pipeline.graph import Source, StageGraph, StageNode, once
from jptransfer.pipeline.references import find_given_model
from jptransfer.pipeline.rules import check_rules
from jptransfer.pipeline.rules.facts import has_language_model, names_model
from jptransfer.pipeline.rules.language_models import objective_problem
from jptransfer.pipeline.stage import WORK, Inputs, Stage, Summary
from jptransfer.registry import OBJECTIVES, STAGES
from jptransfer.runtime import Runtime
from jptransfer.stages.encode import plan_encoded

RECORDS = 200
"""Training records a history holds at most, about."""


@dataclass
class PretrainStage:
    """inputs: `encoded`, `tokenizer`, and `start` (a language model with its tokenizer), or no start: from scratch."""

    model: ModelConfig | None
    training: LmTrainingConfig


@once
def plan_language_model(graph: StageGraph) -> Source | None:
    """Plan the language model before adaptation.

    It is trained on the corpus; without a corpus it is the model that `lm` or `pretraining.init_from` names.
    """
    if not has_language_model(graph.config):
        return None
    check_rules(graph.config, "language_model")
    encoded, given = plan_encoded(graph), find_given_model(graph)
    if not encoded:
        return given
    return plan_training(graph, "pretrain", "pretraining", graph.config.pretraining, encoded, given)


def plan_training(graph: StageGraph, stage: str, section: str, training: LmTrainingConfig, encoded: StageNode,
                  start: Source | None) -> StageNode:
    """Plan the training of a language model on an encoded corpus.

    Args:
        graph: what is planned from.
        stage, section: pretrain or adapt, and the section of its settings.
        training: the settings.
        encoded: the text, with its tokenizer.
        start: the model that training starts from; `None`: from scratch.
    """
    _check_objective(graph, section, training.objective.name)
    inputs: dict[str, Source] = {"encoded": encoded, "tokenizer": encoded.inputs["tokenizer"]}
    if start:
        inputs["start"] = start
    config = PretrainStage(None if start else graph.config.model, replace(training, init_from=""))
    return graph.node(stage, section, training.name, config, inputs)


def _check_objective(graph: StageGraph, section: str, objective: str) -> None:
    """Raise `ConfigError` if the given model, where its files are on this machine, is not trained by the objective."""
    given = find_given_model(graph)
    if not given or given.kind == "hub":
        return
    from jptransfer.models.pretrained import trainable_objectives

    try:
        takes = trainable_objectives(Path(given.location))
    except DataError as error:
        raise ConfigError(f"{'lm' if names_model(graph.config) else 'pretraining.init_from'}: {error}") from error
    if takes and objective not in takes:
        raise ConfigError(objective_problem(section, objective, given.location, takes))


def run(config: PretrainStage, inputs: Inputs, out: Path, runtime: Runtime) -> Summary:
    """Write a `language_model` artifact (docs/FORMATS.md) to `out`.

    Raises:
        ConfigError: settings, tokenizer and start do not fit together, or training diverges.
        DataError: the encoded corpus is empty or not one.
    """
    from jptransfer.training.launch import launch

    for file in inputs["tokenizer"].iterdir():
        if file.name != "manifest.json" and file.is_file():
            shutil.copy2(file, out / file.name)
    values = launch(train_language_model, runtime, config, dict(inputs), out)
    score = f"perplexity {readable(values['perplexity'])}, " if "perplexity" in values else ""
    if "bits_per_byte" in values:
        score = f"{values['bits_per_byte']:.4f} bits per byte, "
    share = f"{values['predicted_share']:.1%} of tokens predicted, "
    headline = f"{values['steps']} steps, {score}{share}{values['parameters'] / 1e6:.1f}M parameters"
    return Summary(headline, values)


def readable(perplexity: float) -> str:
    """Return a perplexity as it is printed: ``86.31``; from a million on ``1.01e+304``."""
    return f"{perplexity:.2f}" if perplexity < 1e6 else f"{perplexity:.2e}"


def train_language_model(runtime: Runtime, config: PretrainStage, inputs: Inputs, out: Path) -> dict[str, Any]:
    """Train in one of the processes of a run; the main one writes the model. Returns the summary's values."""
    from jptransfer.models.encoder import compile_layers
    from jptransfer.models.pretrained import save_language_model
    from jptransfer.text.tokenizers import load_tokenizer
    from jptransfer.text.truncation import report_cuts
    from jptransfer.training.batching import padding_share
    from jptransfer.training.context import TrainingContext
    from jptransfer.training.history import HISTORY, write_history
    from jptransfer.training.phases import train_phases
    from jptransfer.training.target_counts import count_predictions

    training = config.training
    context = TrainingContext(runtime, training.precision)
    tokenizer = load_tokenizer(inputs["tokenizer"])
    context.seed(training.seed)
    model, converted = _start(config, inputs, tokenizer)
    lesson = _lesson(model, tokenizer, training, inputs, context)
    data, batches = lesson.data, lesson.data.batches(0)
    if runtime.settings.compile:
        compile_layers(model)
    phases = _phases(model, lesson, training, lambda longer: _lesson(model, tokenizer, longer, inputs, context))
    result = train_phases(model, lesson, phases, context, out / WORK)
    if context.is_main:
        write_history(out / HISTORY, result.history)
        save_language_model(model, out)
    return {
        "steps": result.steps,
        "epochs": result.steps / len(batches),
        "tokens": result.history[-1]["tokens"],
        "sequences": len(data.lengths(0)),
        "padding": padding_share(data.lengths(0), batches),
        **count_predictions(data).describe(),
        "truncation": report_cuts({"train": data.cut()} if context.is_main else {}, runtime),
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
        **converted,
        **result.metrics,
        "seconds": result.seconds,
        "seconds_at": [[int(step), seconds] for step, seconds in result.seconds_at.items()],
        "device": context.device.type,
        "processes": context.world,
        "threads": context.threads,
    }


def _lesson(model, tokenizer, training: LmTrainingConfig, inputs: Inputs, context) -> Any:
    """Return the objective of `training` with its data and its evaluation.

    Raises:
        ConfigError: the objective predicts nothing of this text, or far less than `training` asks for.
    """
    from jptransfer.training.phases import TrainSpec
    from jptransfer.training.target_counts import check_predictions, count_predictions

    objective = OBJECTIVES.load(training.objective.name)(training, model)
    data = _data(objective, "train", tokenizer, training, inputs, context)
    check_predictions(count_predictions(data), training.objective)
    held_out = {}
    for split in ("validation", "test") if training.evaluate_test else ("validation",):
        found = _data(objective, split, tokenizer, training, inputs, context)
        if found and count_predictions(found).made:
            held_out[split] = found
        elif context.is_main and (found or split == "test"):
            why = f"the {split} split has nothing to predict" if found else "the text has no test split (test_fraction)"
            context.runtime.progress.log(f"warning: {why}; it is not evaluated")
    return TrainSpec(objective, data, _evaluation(objective, held_out))


def _data(objective, split: str, tokenizer, training: LmTrainingConfig, inputs: Inputs, context) -> Any:
    """Return the objective's data of a split, or None where there is nothing to evaluate on."""
    from jptransfer.text.encoded import describe_encoded, load_encoded
    from jptransfer.training.shapes import Shapes

    if split != "train" and split not in describe_encoded(inputs["encoded"])["splits"]:
        return None
    encoded = load_encoded(inputs["encoded"], split)
    if encoded.vocab_size != tokenizer.vocab_size:
        raise ConfigError(f"the encoded corpus has {encoded.vocab_size} units, the tokenizer {tokenizer.vocab_size}")
    if split == "train":
        chosen(training.objective).check_text(encoded)
    limit = None if split == "train" else training.evaluation_sequences
    shapes = Shapes(training.batch_tokens // training.micro_batches) if context.static_shapes else None
    data = objective.data(encoded, tokenizer, limit, shapes)
    return data if split == "train" or len(data.lengths(0)) else None


def _evaluation(objective, held_out: Mapping[str, Any]) -> Any:
    """Return what the loop calls to evaluate: the objective's metrics on the validation split, then those on the test
    split with their names after ``test_``. None: there is nothing to evaluate on."""
    from jptransfer.training.loop import evaluate_objective

    def evaluate(model, context) -> dict[str, float]:
        return {name if split == "validation" else f"{split}_{name}": value for split, data in held_out.items()
                for name, value in objective.metrics(evaluate_objective(model, objective, data, context)).items()}

    return evaluate if held_out else None


def _start(config: PretrainStage, inputs: Inputs, tokenizer) -> tuple[Any, dict[str, Any]]:
    """Return the model training starts from, the one given or a fresh one, and what the summary tells of it."""
    from jptransfer.models.encoder import longest_input
    from jptransfer.models.pairing import check_pair
    from jptransfer.models.pretrained import (
        fresh_configuration,
        fresh_language_model,
        load_language_model,
        local_architecture,
    )

    training = config.training
    converted: dict[str, Any] = {}
    model: Any
    if "start" in inputs:
        model = load_language_model(inputs["start"])
        if training.vocabulary is VocabularyPolicy.migrate:
            model, converted = _converted(model, training, inputs, tokenizer)
    elif config.model:
        architecture = fresh_configuration(config.model, tokenizer)
        model = fresh_language_model(architecture, training.objective)
    else:
        raise ConfigError("a language model needs a model configuration or a start")
    check_pair(model, tokenizer, "start")
    longest, wanted = longest_input(model), max(_of_phase(training, phase).max_length for phase in _each(training))
    if longest is not None and wanted > longest:
        raise ConfigError(f"max_length={wanted} is more than the model's {longest} positions")
    if "start" in inputs and not local_architecture(model.config.model_type):
        chosen(training.objective).check_model(model, wanted)
    return model, converted


def _converted(model: Any, training: LmTrainingConfig, inputs: Inputs, tokenizer) -> tuple[Any, dict[str, Any]]:
    """Return the model over the units of `tokenizer`, and how many of them and of the text it knew before."""
    from jptransfer.text.encoded import load_encoded
    from jptransfer.text.tokenizers import load_tokenizer
    from jptransfer.transfer.vocabulary import align, convert

    alignment = align(load_tokenizer(inputs["start"]), tokenizer)
    words = getattr(tokenizer, "first_character", None)
    report = alignment.describe(load_encoded(inputs["encoded"], "train").ids, words)
    return convert(model, alignment, training.new_token_init, tokenizer.pad_id), {"vocabulary": report}


def _phases(model: Any, lesson: Any, training: LmTrainingConfig, other: Callable[[LmTrainingConfig], Any]) -> list[Any]:
    """Return the phases asked for, or the single one of a run without.

    Args:
        model: what learns.
        lesson: what it learns from in phases without sequences of their own.
        training: the settings.
        other: settings of a phase -> what it learns from.

    Raises:
        ConfigError: no layer groups of such names.
    """
    from jptransfer.training.phases import Phase, make_phases
    from jptransfer.transfer.groups import layer_groups, rate_factors

    if not training.phases:
        return [Phase("", _settings(training, lesson, LmPhaseConfig()), None)]
    groups, made = layer_groups(model), []
    for name, config in training.phases.items():
        settings = _of_phase(training, config)
        part = lesson if settings == training else other(settings)
        [phase] = make_phases({name: config}, groups, (),
                              lambda decay: rate_factors(groups, 1.0 if decay is None else decay),
                              partial(_settings, training, part))
        made.append(replace(phase, lesson=part))
    return made


def _each(training: LmTrainingConfig) -> Iterable[LmPhaseConfig]:
    return training.phases.values() or [LmPhaseConfig()]


def _of_phase(training: LmTrainingConfig, phase: LmPhaseConfig) -> LmTrainingConfig:
    """Return the settings of the sequences of a phase."""
    objective, settings = training.objective, chosen(training.objective)
    changed = settings.of_phase(phase)
    if changed is not settings:
        objective = replace(objective, **{objective.name: changed})
    return replace(training, max_length=phase.max_length or training.max_length, objective=objective)


def _settings(training: LmTrainingConfig, lesson: Any, phase: Any) -> Any:
    """Return the loop's settings for a phase; where it does not say how long it is, the section does."""
    from jptransfer.training.types import LoopSettings, evenly

    steps = phase.max_steps or (training.max_steps if phase.epochs is None else None)
    epochs = training.epochs if phase.epochs is None else phase.epochs
    steps = steps or max(1, math.ceil(epochs * len(lesson.data.batches(0))))
    return LoopSettings(
        steps, training.learning_rate, training.optimizer, training.schedule, training.precision, training.seed,
        evaluate_at=evenly(steps, training.evaluations), record_every=max(1, steps // RECORDS),
        checkpoint_every=training.checkpoint_every,
    )


STAGE = Stage(
    name="pretrain", verb="pretrain", kind="language_model", version=4, title="pre-training",
    help="train a language model", plan=per_graph(lambda graph: [plan_language_model(graph)]), run=run,
    empty="no corpus is chosen, for example corpus=toy", goal=True)
STAGES.add("pretrain", f"{__name__}:STAGE", STAGE.help, after=("encode",))
