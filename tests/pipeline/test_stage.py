"""A stage describes itself: verbs, kinds of artifacts, plans, lineage and help follow from one object."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from jptransfer.artifacts import Store
from jptransfer.commands import VERBS
from jptransfer.config import Config
from jptransfer.errors import ConfigError
from jptransfer.pipeline import Run, StageGraph, StageNode, build, make_plan, refuse_upstream, targets
from jptransfer.pipeline.experiment import per_graph
from jptransfer.pipeline.graph import once
from jptransfer.pipeline.stage import Stage, Summary, all_stages
from jptransfer.registry import STAGES, StageEntry
from jptransfer.report.lineage import lineage, steps
from jptransfer.report.sources import Run as ReportRun
from jptransfer.report.sources import Source, Sources
from jptransfer.runtime import Runtime
from jptransfer.stages.prepare_dataset import plan_dataset


@dataclass
class CountStage:
    """inputs: `dataset`."""

    what: str


@once
def plan_count(graph: StageGraph) -> StageNode | None:
    """Plan the count."""
    dataset = plan_dataset(graph)
    return graph.node("count", "task", "mine", CountStage("files"), {"dataset": dataset}) if dataset else None


def run(config: CountStage, inputs, out: Path, runtime) -> Summary:
    """Count the files of the dataset."""
    number = len(list(inputs["dataset"].iterdir()))
    (out / "count.json").write_text(json.dumps(number))
    return Summary(f"{number} {config.what}")


STAGE = Stage(name="count", verb="count", kind="number", version=3, title="counting", help="Count files", run=run,
              plan=per_graph(lambda graph: [plan_count(graph)]), empty="no task is chosen")


@pytest.fixture
def added(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(STAGES.known, "count", StageEntry(f"{__name__}:STAGE", "Count files"))


def test_a_stage_of_one_file_has_a_verb_a_kind_a_plan_and_a_place_in_the_lineage(
        log: Path, added: None, config: Config, store: Store) -> None:
    assert VERBS["count"].help == STAGES.help("count") == "Count files" and VERBS["count"].is_experiment
    runs = [Run("main", 0, config)]
    plan = make_plan(targets("count", runs, store, "test"), store)
    assert [step.node.stage for step in plan.steps] == ["prepare_dataset", "count"]
    with pytest.raises(ConfigError, match="jpt prepare x=1$"):
        refuse_upstream(plan, ["x=1"])
    (made,) = build(plan, store, Runtime(), [])
    manifest = made.manifest
    assert (manifest.kind, manifest.recipe["version"], manifest.summary["headline"]) == ("number", 3, "2 files")
    assert make_plan(targets("count", runs, store, "test"), store).missing == []
    found = {one.manifest.fingerprint: Source(one.path, one.manifest) for one in store.all()}
    sources = Sources([ReportRun("main", 0, found[manifest.fingerprint])], found)
    (box,) = [box for box in lineage(sources, {}).boxes if box.sources[0].manifest.kind == "number"]
    assert box.lines[0] == "counting" and box.layer == 1
    assert [stage for stage, _ in steps(sources)] == ["prepare_dataset", "count"]


def test_a_configuration_without_anything_for_a_stage_is_told_so(added: None, config: Config, store: Store) -> None:
    config = replace(config, task=Config().task)
    with pytest.raises(ConfigError, match="^nothing to count: no task is chosen$"):
        targets("count", [Run("main", 0, config)], store, "test")


def test_every_stage_is_found_under_its_name() -> None:
    assert [stage.name for stage in all_stages()] == list(STAGES)
