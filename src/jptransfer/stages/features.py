"""Stage features: every text of a data set as one vector of a frozen encoder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from jptransfer.config import ModelConfig
from jptransfer.config.features import FeaturesConfig
from jptransfer.pipeline.experiment import per_graph
from jptransfer.pipeline.graph import Source, StageGraph, StageNode, once
from jptransfer.pipeline.rules import check_rules
from jptransfer.pipeline.stage import WORK, Inputs, Stage, Summary
from jptransfer.registry import STAGES
from jptransfer.runtime import Runtime
from jptransfer.stages.adapt import plan_start
from jptransfer.stages.prepare_dataset import plan_dataset


@dataclass
class FeaturesStage:
    """inputs: `dataset`, `tokenizer` and, unless the encoder is a fresh one, `language_model`."""

    features: FeaturesConfig
    model: ModelConfig | None = None
    seed: int | None = None


@once
def plan_features(graph: StageGraph) -> StageNode | None:
    """Plan the features of the data set's texts."""
    dataset, config = plan_dataset(graph), graph.config
    if not dataset:
        return None
    check_rules(config, "features")
    tokenizer, start = plan_start(graph)
    inputs: dict[str, Source] = {"dataset": dataset, "tokenizer": tokenizer}
    if start:
        inputs["language_model"] = start
    stage = FeaturesStage(config.features) if start else FeaturesStage(config.features, config.model, config.seed)
    return graph.node("features", "features", dataset.name, stage, inputs)


def run(config: FeaturesStage, inputs: Inputs, out: Path, runtime: Runtime) -> Summary:
    """Write the features of all splits but that of the role `final` (docs/FORMATS.md, `features`)."""
    from jptransfer.learners.features import FeatureEncoder, write_description, write_features
    from jptransfer.tasks.files import open_dataset
    from jptransfer.tasks.splits import read_role, read_roles
    from jptransfer.text.truncation import report_cuts

    folder = inputs["dataset"]
    task, roles = open_dataset(folder), read_roles(folder)
    encoder = FeatureEncoder.make(config.features, task, inputs["tokenizer"], inputs.get("language_model"),
                                  config.model, config.seed or 0, runtime)
    examples = {roles.fit: read_role(task, folder, "fit"), roles.select: read_role(task, folder, "select")}
    if roles.search not in examples:
        examples[roles.search] = read_role(task, folder, "search")
    counts = {split: len(part) for split, part in examples.items() if part}
    cuts = {split: write_features(encoder, examples[split], out, split, out / WORK, runtime) for split in counts}
    write_description(encoder, out, {"fit": roles.fit, "select": roles.select, "search": roles.search})
    values = {"splits": counts, "width": encoder.width, "truncation": report_cuts(cuts, runtime), **encoder.describe()}
    return Summary(f"{encoder.width:,} features of {sum(counts.values()):,} texts", values)


STAGE = Stage(
    name="features", verb="features", kind="features", version=1, title="features",
    help="turn the texts of a data set into vectors of a frozen encoder",
    plan=per_graph(lambda graph: [plan_features(graph)]), run=run,
    empty="no task is chosen, for example task=toy_sentiment")
STAGES.add("features", f"{__name__}:STAGE", STAGE.help, after=("prepare_dataset", "adapt"))
