"""Score a task model: the only stage that reads the test split."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jptransfer.errors import ConfigError
from jptransfer.runtime import Runtime
from jptransfer.stages import EvaluateStage, Inputs, Summary


def run(config: EvaluateStage, inputs: Inputs, out: Path, runtime: Runtime) -> Summary:
    """Predict and score every split asked for; write `predictions/<split>.parquet`, `metrics.json`, conlleval's report.

    Raises:
        ConfigError: no splits, a metric that does not fit the task, or a model of another task than the data set's.
        DataError: a split that the data set lacks, or an empty one.
    """
    from jptransfer.evaluation.metrics import metrics_for
    from jptransfer.evaluation.predictions import METRICS_FILE, Predictions, describe, write
    from jptransfer.evaluation.scoring import score_split
    from jptransfer.tasks.base import open_dataset, read_examples
    from jptransfer.training.prediction import load_predictor

    settings = config.evaluation
    task = open_dataset(inputs["dataset"])
    metrics = metrics_for(task, settings.metrics)
    if not settings.splits:
        raise ConfigError("evaluation.splits is empty: there is nothing to score")
    examples = {split: read_examples(task, inputs["dataset"], split) for split in dict.fromkeys(settings.splits)}
    predictor = load_predictor(inputs["task_model"], runtime)
    if (predictor.task.kind, list(predictor.task.labels)) != (task.kind, list(task.labels)):
        raise ConfigError(f"the model's task is {describe(predictor.task)}, the data set's is {describe(task)}")
    splits = {}
    for split, rows in examples.items():
        predictions = Predictions(task, split, predictor.predict(rows))
        splits[split] = score_split(predictions, metrics, settings)
        write(predictions, out)
    document = {"task": task.kind, "labels": task.labels, "metric": metrics[0].name, "splits": splits}
    (out / METRICS_FILE).write_text(json.dumps(document, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    return Summary(_headline(document), {split: scores["metrics"] for split, scores in splits.items()})


def _headline(document: dict[str, Any]) -> str:
    metric = document["metric"]
    return "; ".join(
        f"{split} {metric} {scores['metrics'][metric]:.4f}" + _within(scores["intervals"].get(metric))
        for split, scores in document["splits"].items()
    )


def _within(interval: Sequence[float] | None) -> str:
    return f" [{interval[0]:.4f}, {interval[1]:.4f}]" if interval else ""
