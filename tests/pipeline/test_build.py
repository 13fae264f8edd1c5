"""Building: once, resumable, in parallel, explained; killed processes leave the old state or the new one."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from jptransfer.artifacts import Manifest, Store
from jptransfer.config import Config
from jptransfer.errors import ConfigError
from jptransfer.pipeline import Run, build, make_plan, reason, refuse_upstream, remarks, targets
from jptransfer.runtime import Runtime

from .conftest import small_config
from .fakes import fail, replace_run

pytestmark = pytest.mark.slow

WORKER = """
import os, sys
from pathlib import Path
from pytest import MonkeyPatch
from jptransfer.artifacts import Store
from jptransfer.registry import STAGES
from jptransfer.runtime import Runtime
from jptransfer.pipeline import Run, build, make_plan, targets
from tests.pipeline.conftest import small_config
from tests.pipeline.fakes import copy, replace_run
for name in STAGES:
    replace_run(MonkeyPatch(), name, copy)
folder = Path(sys.argv[1])
store = Store(folder / "outputs")
wanted = targets("prepare", [Run("main", 0, small_config(folder))], store, "t")[:1]
build(make_plan(wanted, store), store, Runtime(), [])
"""


def run(verb: str, config: Config, store: Store):
    return build(make_plan(targets(verb, [Run("main", 0, config)], store, "t"), store), store, Runtime(), ["a=b"])


def start(folder: Path, seconds: float) -> subprocess.Popen:
    root = Path(__file__).resolve().parents[2]
    environment = os.environ | {"FAKE_SECONDS": str(seconds), "PYTHONPATH": f"{root / 'src'}{os.pathsep}{root}"}
    return subprocess.Popen([sys.executable, "-c", WORKER, str(folder)], env=environment)


def test_the_second_run_does_nothing(config: Config, store: Store, log: Path) -> None:
    first = run("run", config, store)
    lines = log.read_text().splitlines()
    assert len(lines) == 11
    assert run("run", config, store) == first
    assert log.read_text().splitlines() == lines


def test_manifest_records_lineage_and_provenance_without_places(config: Config, store: Store, log: Path) -> None:
    report = run("run", config, store)[0]
    assert store.verify(report) == []
    assert "evaluation:main:0" in report.manifest.inputs
    assert report.manifest.provenance["overrides"] == ["a=b"]
    text = (report.path / "manifest.json").read_text()
    assert str(store.outputs.parent) not in text
    kinds = {found.manifest.kind for _, _, found in store.lineage(report) if not isinstance(found, dict)}
    assert kinds == {"corpus", "dataset", "tokenizer", "encoded", "language_model", "task_model", "evaluation"}


def test_only_what_changed_is_built_again(config: Config, store: Store, log: Path) -> None:
    run("run", config, store)
    log.write_text("")
    run("run", replace(config, seed=1), store)
    assert log.read_text().split() == ["FinetuneStage", "EvaluateStage", "ReportStage"]


def test_a_miss_is_explained_by_the_nearest_artifact(config: Config, store: Store, log: Path) -> None:
    run("pretrain", config, store)
    other = replace(config, pretraining=replace(config.pretraining, max_steps=7))
    plan = make_plan(targets("pretrain", [Run("main", 0, other)], store, "t"), store)
    assert [step.node.stage for step in plan.missing] == ["pretrain"]
    assert " pretraining.max_steps: nothing → 7" in reason(plan.missing[0].node, store)


def test_a_plan_is_explained_with_one_look_at_the_manifests(
        config: Config, store: Store, log: Path, monkeypatch) -> None:
    run("run", config, store)
    others = [Run("main", seed, replace(config, seed=seed)) for seed in range(1, 6)]
    plan = make_plan(targets("eval", others, store, "t"), store)
    read, looks = Manifest.read, []
    monkeypatch.setattr(Manifest, "read", lambda folder: (looks.append(folder), read(folder))[1])
    found = remarks(plan, store)
    assert len(plan.missing) == 10 and sum("nearest is" in one for one in found) == 10
    assert len(looks) == len(set(looks)) == 2


def test_require_refuses_and_prints_the_commands(config: Config, store: Store, log: Path) -> None:
    plan = make_plan(targets("pretrain", [Run("main", 0, config)], store, "t"), store)
    with pytest.raises(ConfigError, match=r"jpt prepare x=1 'a=\[b c\]'; jpt tokenize x=1 'a=\[b c\]'; jpt encode x=1"):
        refuse_upstream(plan, ["x=1", "a=[b c]"])
    run("encode", config, store)
    refuse_upstream(make_plan(targets("pretrain", [Run("main", 0, config)], store, "t"), store), ["x=1"])


def test_a_failing_stage_publishes_nothing(config: Config, store: Store, log: Path, monkeypatch) -> None:
    replace_run(monkeypatch, "tokenize", fail)
    with pytest.raises(RuntimeError, match="stage failed"):
        run("encode", config, store)
    assert [artifact.manifest.kind for artifact in store.all()] == ["corpus"]


def test_killed_and_started_again(store: Store, log: Path, tmp_path: Path) -> None:
    process = start(tmp_path, 60)
    while not list(store.work.glob("*/.work/half")):
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert store.all() == []
    assert start(tmp_path, 0).wait() == 0
    [artifact] = store.all()
    assert store.verify(artifact) == []
    assert not (artifact.path / ".work").exists()


def test_what_a_killed_process_left_is_no_part_of_the_artifact(config: Config, store: Store, log: Path) -> None:
    [node] = targets("prepare", [Run("main", 0, config)], store, "t")[:1]
    work = store.work / node.id
    (work / "figures").mkdir(parents=True)
    for name in (".manifest.json", "train.parquet.partial", "figures/half.png"):
        (work / name).write_text("half")
    run("prepare", config, store)
    made = store.find(node.fingerprint)
    assert made and set(made.manifest.files) == {"made.txt"}
    assert store.verify(made) == []


@pytest.mark.parametrize("moment", ["rmtree", "rename"])
def test_killed_between_manifest_and_move(config: Config, store: Store, log: Path, monkeypatch, moment: str) -> None:
    def kill(*arguments, **options) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(*((shutil, "rmtree", kill) if moment == "rmtree" else (Path, "rename", kill)))
        run("pretrain", config, store)
    assert store.all() == []
    run("pretrain", config, store)
    assert log.read_text().splitlines().count("PrepareCorpusStage") == 1
    assert all(store.verify(artifact) == [] for artifact in store.all())


def test_of_parallel_processes_one_builds(store: Store, log: Path, tmp_path: Path) -> None:
    small_config(tmp_path)
    processes = [start(tmp_path, 0.5) for _ in range(3)]
    assert [process.wait() for process in processes] == [0, 0, 0]
    assert log.read_text().splitlines() == ["PrepareCorpusStage"]


def test_a_distributed_launcher_is_refused(config: Config, store: Store, log: Path, monkeypatch) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(ConfigError, match="runtime.processes"):
        run("prepare", config, store)
