"""Train a task model with the learner of the configuration."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from jptransfer.config import BUILD, Config, FinetuningConfig, ModelConfig
from jptransfer.config.chosen import members, plugin_versions
from jptransfer.config.fields import setting
from jptransfer.errors import ConfigError, DataError
from jptransfer.pipeline.experiment import per_graph
from jptransfer.pipeline.graph import Source, StageGraph, StageNode, once, presets_of
from jptransfer.pipeline.references import task_model_reference
from jptransfer.pipeline.rules import check_rules
from jptransfer.pipeline.rules.facts import (
    architecture_of,
    is_encoder,
    is_given,
    learner_of,
    needs_language_model,
    task_kind,
)
from jptransfer.pipeline.stage import WORK, Inputs, Stage, Summary
from jptransfer.registry import LEARNERS, STAGES, TASKS
from jptransfer.runtime import Runtime
from jptransfer.stages.adapt import plan_start
from jptransfer.stages.features import plan_features
from jptransfer.stages.prepare_dataset import plan_dataset

CHECKED = 64
"""Training examples that a model without a validation split is tried on before it is published."""


TRANSFER_SOURCE_DEFAULTS = [
    "seed=0", "finetuning.subset.n=null", "finetuning.subset.fraction=null", "finetuning.subset.seed=0",
    "finetuning.encoder.freeze=[]", "transfer.source=''", "transfer.build=[]", "transfer.groups=[]",
]
"""What the source of a transfer does not take over from the configuration that describes it."""


@dataclass
class FinetuneStage:
    """inputs: `dataset`; for an encoder `tokenizer` and, unless from scratch, `language_model`; `features` for a linear
    probe; `transfer`, a task model, where layer groups are taken from it."""

    finetuning: FinetuningConfig
    seed: int
    model: ModelConfig | None = None
    transfer: list[str] = setting(factory=list, omit_when=[])


@once
def plan_task_model(graph: StageGraph) -> StageNode | None:
    """Plan the fine-tuned model."""
    dataset, config = plan_dataset(graph), graph.config
    if not dataset:
        return None
    check_rules(config, "task_model")
    finetuning = _complete(config)
    inputs: dict[str, Source] = {"dataset": dataset}
    model = None
    if needs_language_model(finetuning.learner):
        inputs["tokenizer"], start = plan_start(graph)
        if start:
            inputs["language_model"] = start
        else:
            model = config.model
    if "features" in LEARNERS.entries[finetuning.learner].needs:
        inputs["features"] = plan_features(graph)  # type: ignore[assignment]
    if config.transfer.groups:
        inputs["transfer"] = _plan_transfer_source(graph)
    stage = FinetuneStage(finetuning, config.seed, model, sorted(set(config.transfer.groups)))
    return graph.node("finetune", "finetuning", finetuning.name, stage, inputs)


def _complete(config: Config) -> FinetuningConfig:
    """Return the settings with the learner and, where the configured architecture decides it, the head named."""
    finetuning = replace(config.finetuning, learner=learner_of(config))
    default_head = "" if task_kind(config).output.head else architecture_of(config).head
    if not is_encoder(config) or finetuning.encoder.head.name or not default_head or is_given(config):
        return finetuning
    return finetuning.with_section("encoder", head=replace(finetuning.encoder.head, name=default_head))


def _plan_transfer_source(graph: StageGraph) -> Source:
    """Plan the task model that layer groups are taken from."""
    transfer = graph.config.transfer
    if transfer.source not in ("", BUILD):
        return task_model_reference(graph, "transfer.source", transfer.source)
    try:
        overrides = [*TRANSFER_SOURCE_DEFAULTS, *transfer.build]
        source = graph.changed(overrides, "transfer.build", presets_of(transfer.build))
        if not is_encoder(source.config):
            raise ConfigError(f"{source.config.model.architecture} has no layer groups")
        node = plan_task_model(source)
        if not node:
            raise ConfigError("no task is chosen, for example task=toy_sentiment")
        return node
    except ConfigError as error:
        raise ConfigError(f"transfer.build: {error}") from error


@once
def plan_task_models(graph: StageGraph) -> list[StageNode]:
    """Plan the fine-tuned model and those of the ensemble's other members."""
    graphs = [graph, *(graph.member(name, overrides) for name, overrides in graph.config.ensemble.items())]
    nodes = [node for one in graphs if (node := plan_task_model(one))]
    if len({node.fingerprint for node in nodes}) < len(nodes):
        raise ConfigError("ensemble: two of its models are the same; the overrides of one change nothing of it")
    return nodes


def score(task: Any, extra: str, predictions: Sequence[Any]) -> dict[str, float]:
    """Return the scores that every evaluation of `task` has, and `extra`, by name of the metric."""
    from jptransfer.evaluation.metrics import scores_of

    return scores_of(task, predictions, [extra])


def run(config: FinetuneStage, inputs: Inputs, out: Path, runtime: Runtime) -> Summary:
    """Train on the split of role `fit`, choose on that of `select`; the split of `final` is never opened.

    Predictions of the splits of `select` and, where it is another one, `search` are kept.

    Writes the `task_model` of docs/FORMATS.md.

    Raises:
        ConfigError: settings that do not fit the task or the model.
        DataError: a training split that is empty or holds one label only.
    """
    from jptransfer.learners.prediction import PAIRS, cut_so_far, has_pairs, write_settings
    from jptransfer.tasks.files import write_predictions
    from jptransfer.tasks.splits import read_role, read_roles
    from jptransfer.text.cuts import Cut
    from jptransfer.text.truncation import report_cuts
    from jptransfer.training.history import HISTORY, write_history

    name = config.finetuning.learner
    learner = LEARNERS.load(name)
    job = _job(config, inputs, out)
    learned = learner.fit(job, runtime)
    settings = {"learner": name, "kind": job.task.kind, "labels": job.task.labels, PAIRS: has_pairs(job.train),
                **learned.settings}
    used = (entry for *_, entry in members(config))
    if made_with := plugin_versions([*used, TASKS.entries[job.task.kind]]):
        settings["plugins"] = made_with
    write_settings(out, settings)
    write_history(out / HISTORY, learned.history)
    roles = read_roles(inputs["dataset"])
    examples = {roles.select: job.validation}
    if roles.search != roles.select:
        examples[roles.search] = read_role(job.task, inputs["dataset"], "search")
    predictions, cuts = {}, {split: Cut(**counts) for split, counts in learned.values.get("truncation", {}).items()}
    for split, rows in examples.items():
        if rows:
            before = cut_so_far(learned.predictor)
            predictions[split] = learned.predictor.predict(rows)
            cuts[split] = cut_so_far(learned.predictor).since(before)
    if predictions:
        write_predictions(job.task, out, predictions)
    else:
        learned.predictor.predict(job.train[:CHECKED])  # raises where scores are not finite
    found = {split: job.selection.score(rows) for split, rows in predictions.items()}
    scores = found.get(roles.select, {})
    values = {"train_examples": len(job.train), "metric": job.selection.metric, "validation": scores,
              "search": found.get(roles.search, {}), **learned.values}
    values["truncation"] = report_cuts(cuts, runtime)
    return Summary(_headline(config, job.selection.metric, scores, values), values)


def _job(config: FinetuneStage, inputs: Inputs, out: Path) -> Any:
    from jptransfer.evaluation.metrics import load_metric
    from jptransfer.learners.base import FitContext, Selection, TransferSource
    from jptransfer.tasks.files import open_dataset
    from jptransfer.tasks.splits import read_role

    settings, folder = config.finetuning, inputs["dataset"]
    task = open_dataset(folder)
    metric = load_metric(getattr(settings.own, "metric_for_best_model", ""), task)
    validation = read_role(task, folder, "select")
    scorer = partial(score, task, metric.name)
    transfer = TransferSource(inputs["transfer"], config.transfer) if config.transfer else None
    return FitContext(
        task=task, train=_training_examples(config, task, folder), validation=validation, config=settings,
        seed=config.seed, selection=Selection(metric.name, metric.higher_is_better, scorer), out=out, work=out / WORK,
        model=config.model, tokenizer=inputs.get("tokenizer"), language_model=inputs.get("language_model"),
        transfer=transfer, features=inputs.get("features"),
    )


def _training_examples(config: FinetuneStage, task: Any, folder: Path) -> list[Any]:
    from jptransfer.learners.subsets import take
    from jptransfer.tasks.splits import read_role

    examples = read_role(task, folder, "fit")
    if not examples:
        raise DataError("the training split of the data set is empty")
    subset = config.finetuning.subset
    chosen = take(examples, subset if subset.seed is not None else replace(subset, seed=config.seed))
    if problem := task.check_training(chosen):
        raise DataError(f"{problem}: nothing to learn")
    return chosen


def _headline(config: FinetuneStage, metric: str, scores: dict[str, float], values: Mapping[str, Any]) -> str:
    learned = f"{config.finetuning.learner} on {values['train_examples']:,} examples"
    if inside := values.get("misaligned", 0):
        learned += f" ({inside:,} of {values['entities']:,} entities begin or end inside a unit)"
    if head := values.get("head"):
        learned += f", head {head} (transformers has none for this model)"
    return f"{learned}, validation {metric} {scores[metric]:.4f}" if scores else learned


STAGE = Stage(
    name="finetune", verb="finetune", kind="task_model", version=3, title="fine-tuning", help="train a task model",
    plan=per_graph(plan_task_models), run=run, empty="no task is chosen, for example task=toy_sentiment", per_run=True)
STAGES.add("finetune", f"{__name__}:STAGE", STAGE.help, after=("prepare_dataset", "adapt", "features", "probe"))
