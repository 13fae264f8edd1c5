"""Stage probe: examine a frozen model."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from jptransfer.config import ModelConfig, ProbeConfig
from jptransfer.errors import ConfigError
from jptransfer.pipeline.experiment import per_graph
from jptransfer.pipeline.graph import Source, StageGraph, StageNode, once
from jptransfer.pipeline.rules import check_rules
from jptransfer.pipeline.stage import Inputs, Stage, Summary
from jptransfer.registry import PROBES, STAGES
from jptransfer.runtime import Runtime
from jptransfer.stages.adapt import plan_start
from jptransfer.stages.features import plan_features
from jptransfer.stages.prepare_dataset import plan_dataset


@dataclass
class ProbeStage:
    """inputs: those that the probe's row in the registry names."""

    probe: ProbeConfig
    model: ModelConfig | None = None
    seed: int = 0


@once
def plan_probe(graph: StageGraph) -> StageNode | None:
    """Plan what the chosen probe finds."""
    config = graph.config
    if not config.probe.name:
        return None
    check_rules(config, "probe")
    needs = PROBES.entries[PROBES.check(config.probe.name, "probe.name")].needs
    inputs: dict[str, Source] = {}
    if "dataset" in needs or "features" in needs:
        dataset = plan_dataset(graph)
        if not dataset:
            raise ConfigError(f"probe={config.probe.name} needs a task; choose one, for example task=toy_sentiment")
        inputs["dataset"] = dataset
    if "features" in needs:
        inputs["features"] = plan_features(graph)  # type: ignore[assignment]
    model = None
    if {"tokenizer", "language_model"} & set(needs):
        inputs["tokenizer"], start = plan_start(graph)
        if start:
            inputs["language_model"] = start
        else:
            model = config.model
    return graph.node("probe", "probe", config.probe.name, ProbeStage(config.probe, model, config.seed), inputs)


def run(config: ProbeStage, inputs: Inputs, out: Path, runtime: Runtime) -> Summary:
    """Run the probe (docs/FORMATS.md, `probe_result`)."""
    from jptransfer.probes.base import ProbeContext

    probe = PROBES.load(config.probe.name)
    summary: Summary = probe(ProbeContext(config.probe.own, inputs, out, runtime, config.model, config.seed))
    return summary


STAGE = Stage(
    name="probe", verb="probe", kind="probe_result", version=1, title="probe", help="examine a frozen model",
    plan=per_graph(lambda graph: [plan_probe(graph)]), run=run,
    empty="no probe is chosen, for example probe=sentiment_unit", per_run=True)
STAGES.add("probe", f"{__name__}:STAGE", STAGE.help, after=("features",))
