"""Stage prepare_dataset: official files of a labelled data set to examples by split."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jptransfer.config import TaskConfig
from jptransfer.config.plain import to_plain
from jptransfer.files import json_text
from jptransfer.pipeline.experiment import per_graph
from jptransfer.pipeline.graph import StageGraph, StageNode, once
from jptransfer.pipeline.rules import check_rules
from jptransfer.pipeline.stage import Inputs, Stage, Summary
from jptransfer.registry import STAGES
from jptransfer.runtime import Runtime


@dataclass
class PrepareDatasetStage:
    """inputs: none (files are external)."""

    task: TaskConfig


@once
def plan_dataset(graph: StageGraph) -> StageNode | None:
    """Plan the labelled examples."""
    task = graph.config.task
    if not task.dataset:
        return None
    check_rules(graph.config, "dataset")
    return graph.node("prepare_dataset", "task", task.name, PrepareDatasetStage(task), {})


def run(config: PrepareDatasetStage, inputs: Inputs, out: Path, runtime: Runtime) -> Summary:
    """Fill `out` with the artifact `dataset` (see docs/FORMATS.md); there are no inputs, files are external."""
    from jptransfer.datasets.preparation import prepare, warnings
    from jptransfer.tasks.files import write_examples

    with runtime.progress.bar(f"reading {config.task.name}"):
        data = prepare(config.task)
        for split, examples in data.splits.items():
            write_examples(data.task, out / f"{split}.parquet", examples)
    _write_json(out / "labels.json", data.task.labels)
    _write_json(out / "task.json", {"kind": data.task.kind, "name": config.task.name,
                                    "roles": to_plain(data.roles)})
    _write_json(out / "statistics.json", data.statistics)
    for warning in warnings(data.statistics, data.roles.fit):
        runtime.progress.log(f"warning: {config.task.name}: {warning}")
    sizes = {split: len(examples) for split, examples in data.splits.items()}
    shown = ", ".join(f"{split} {size:,}" for split, size in sizes.items())
    left_out = ", ".join(f"{reason} {count:,}" for reason, count in data.statistics["left_out"].items())
    labels = f"; {len(data.task.labels)} labels" if data.task.labels else ""
    return Summary(f"{shown}{labels}" + (f"; left out: {left_out}" if left_out else ""),
                   {"examples": sizes, "labels": data.task.labels, **data.statistics})


def _write_json(path: Path, value: Any) -> None:
    path.write_text(json_text(value, indent=1) + "\n", encoding="utf-8")


STAGE = Stage(
    name="prepare_dataset", verb="prepare", kind="dataset", version=2, title="data set",
    help="read a labelled dataset",
    plan=per_graph(lambda graph: [plan_dataset(graph)]), run=run,
    empty="no task is chosen, for example task=toy_sentiment")
STAGES.add("prepare_dataset", f"{__name__}:STAGE", STAGE.help, after=())
