"""Score a task model, or several together: the only stage that reads the split of role `final`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jptransfer.config import EvaluationConfig
from jptransfer.config.task import oracle_epoch
from jptransfer.errors import ConfigError
from jptransfer.pipeline.experiment import per_graph
from jptransfer.pipeline.graph import StageGraph, StageNode, once
from jptransfer.pipeline.rules import check_rules
from jptransfer.pipeline.stage import Inputs, Stage, Summary
from jptransfer.registry import STAGES
from jptransfer.runtime import Runtime
from jptransfer.stages.finetune import plan_task_models
from jptransfer.stages.prepare_dataset import plan_dataset

if TYPE_CHECKING:
    from jptransfer.evaluation.metrics import Metric
    from jptransfer.evaluation.predictions import Predictions


@dataclass
class EvaluateStage:
    """inputs: `task_model`, `dataset`; of an ensemble also `task_model:2`, `task_model:3`, ..."""

    evaluation: EvaluationConfig


@once
def plan_evaluation(graph: StageGraph) -> StageNode | None:
    """Plan the scored task model, or ensemble."""
    dataset, config = plan_dataset(graph), graph.config.evaluation
    if not dataset:
        return None
    check_rules(graph.config, "evaluation")
    models = {f"task_model:{number}" if number > 1 else "task_model": node
              for number, node in enumerate(plan_task_models(graph), 1)}
    return graph.node("evaluate", "evaluation", config.name, EvaluateStage(config), {**models, "dataset": dataset})


def run(config: EvaluateStage, inputs: Inputs, out: Path, runtime: Runtime) -> Summary:
    """Predict and score every split asked for; write the `evaluation` of docs/FORMATS.md.

    Raises:
        ConfigError: a metric that does not fit the task, or a model of another task than the data set's (of pairs of
            texts, where the data set has single ones).
        DataError: a split that the data set lacks, or an empty one.
    """
    from jptransfer.evaluation.metrics import metrics_for
    from jptransfer.evaluation.predictions import Predictions, write_evaluation
    from jptransfer.evaluation.scoring import score_split
    from jptransfer.learners.prediction import cut_so_far, has_pairs, load_ensemble, reads_pairs
    from jptransfer.tasks.base import describe, same_task
    from jptransfer.tasks.files import open_dataset, read_examples
    from jptransfer.tasks.splits import read_roles
    from jptransfer.text.truncation import report_cuts

    settings = config.evaluation
    task = open_dataset(inputs["dataset"])
    metrics = metrics_for(task, settings.metrics)
    splits = settings.splits or [read_roles(inputs["dataset"]).final]
    examples = {split: read_examples(task, inputs["dataset"], split) for split in dict.fromkeys(splits)}
    models = [folder for role, folder in inputs.items() if role.partition(":")[0] == "task_model"]
    predictor = load_ensemble(models, runtime)
    if not same_task(predictor.task, task):
        raise ConfigError(f"the model's task is {describe(predictor.task)}, the data set's is {describe(task)}")
    pairs = reads_pairs(models)
    for split, rows in examples.items():
        if has_pairs(rows) != pairs:
            read, there = ("pairs of", "single") if pairs else ("single", "pairs of")
            raise ConfigError(f"the model was trained on {read} texts, but the data set's split '{split}' has {there} "
                              "texts")
    predicted, cuts = [], {}
    for split, rows in examples.items():
        before = cut_so_far(predictor)
        predicted.append(Predictions(task, split, predictor.predict(rows)))
        cuts[split] = cut_so_far(predictor).since(before)
    if settings.oracle_epoch:
        predicted += _of_best_epoch(models, examples, metrics[0], runtime)
    scored = [(predictions, score_split(predictions, metrics, settings)) for predictions in predicted]
    write_evaluation(out, metrics[0].name, scored)
    found = {predictions.split: scores.metrics for predictions, scores in scored}
    headline = "; ".join(_headline(predictions, metrics[0].name, scores.metrics) for predictions, scores in scored)
    together = f"mean of {len(models)} models: " if len(models) > 1 else ""
    values = {split: {name: one["value"] for name, one in scores.items()} for split, scores in found.items()}
    truncation = report_cuts(cuts, runtime)
    return Summary(together + headline, values | ({"truncation": truncation} if any(cuts.values()) else {}))


def _of_best_epoch(models: Sequence[Path], examples: Mapping[str, Sequence[Any]], metric: Metric,
             runtime: Runtime) -> list[Predictions]:
    """Return of each split the predictions of the epoch with the best score on it, the first of equals."""
    from jptransfer.evaluation.metrics import score
    from jptransfer.evaluation.predictions import Predictions
    from jptransfer.learners.prediction import epochs_of, load_predictor

    epochs = epochs_of(models[0])
    if len(models) > 1 or not epochs:
        raise ConfigError("evaluation.oracle_epoch: it needs a single model with all its epochs; "
                          "fine-tune with finetuning.encoder.save_every_epoch=true")
    best: dict[str, tuple[float, Predictions]] = {}
    for epoch in epochs:
        predictor = load_predictor(epoch, runtime)
        for split, rows in examples.items():
            found = Predictions(predictor.task, oracle_epoch(split), predictor.predict(rows))
            value = score(metric, found.outcomes) * (1 if metric.higher_is_better else -1)
            if split not in best or value > best[split][0]:
                best[split] = value, found
    return [found for _, found in best.values()]


def _headline(predictions: Predictions, metric: str, scores: dict[str, dict[str, Any]]) -> str:
    score, split = scores[metric], predictions.split.replace("_", " ")
    within = "" if score["low"] is None else f" [{score['low']:.4f}, {score['high']:.4f}]"
    collapsed = f" (the model {predictions.collapsed})" if predictions.collapsed else ""
    return f"{split} {metric} {score['value']:.4f}{within}{collapsed}"


STAGE = Stage(
    name="evaluate", verb="eval", kind="evaluation", version=3, title="evaluation",
    help="score a task model on the chosen splits", plan=per_graph(lambda graph: [plan_evaluation(graph)]), run=run,
    empty="no task is chosen, for example task=toy_sentiment", per_run=True, goal=True)
STAGES.add("evaluate", f"{__name__}:STAGE", STAGE.help, after=("finetune",))
