"""The Optuna sweeper on a fast objective, through Hydra."""

import json
import subprocess
import sys

import optuna
import pytest
import yaml

pytestmark = pytest.mark.slow

APP = """
import json, sys
from dataclasses import dataclass
import hydra
from hydra.core.config_store import ConfigStore
from hydra.core.hydra_config import HydraConfig

@dataclass
class C:
    x: float = 0.0
    kind: str = "good"
    seed: int = 0

ConfigStore.instance().store(name="config", node=C)

@hydra.main(version_base="1.3", config_path=None, config_name="config")
def main(c):
    with open("calls.jsonl", "a") as calls:
        calls.write(json.dumps([c.x, c.kind, c.seed]) + "\\n")
    if c.kind == "bad":
        raise ValueError("bad")
    return -(c.x - 0.3) ** 2 - (5 if c.kind == "hopeless" else 0) - 0.01 * c.seed
main()
"""


def sweep(folder, *arguments: str) -> dict:
    (folder / "app.py").write_text(APP)
    command = [sys.executable, "app.py", "-m", "hydra/sweeper=optuna", "hydra.sweep.dir=sweeps/${now:%f}",
               "hydra.sweeper.storage=study.journal", "hydra.sweeper.study_name=s", *arguments]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    newest = max(folder.glob("sweeps/*/optimization_results.yaml"), key=lambda path: path.stat().st_mtime_ns)
    return yaml.safe_load(newest.read_text())


def calls(folder) -> list:
    return [json.loads(line) for line in (folder / "calls.jsonl").read_text().splitlines()]


def test_a_study_averages_seeds_and_resumes(tmp_path):
    arguments = ("x=interval(-1,1)", "hydra.sweeper.seeds=[0,1,2]")
    first = sweep(tmp_path, *arguments, "hydra.sweeper.n_trials=3")
    assert first["trials"] == {"complete": 3} and len(calls(tmp_path)) == 9
    assert first["best_value"] == pytest.approx(-(first["best_params"]["x"] - 0.3) ** 2 - 0.01)
    second = sweep(tmp_path, *arguments, "hydra.sweeper.n_trials=5")
    assert second["trials"] == {"complete": 5} and len(calls(tmp_path)) == 15
    assert len({x for x, _, _ in calls(tmp_path)}) == 5
    assert second["best_value"] >= first["best_value"]


def test_failed_trials_and_hopeless_ones_cost_one_seed(tmp_path):
    backend = optuna.storages.journal.JournalFileBackend(str(tmp_path / "study.journal"))
    study = optuna.create_study(storage=optuna.storages.JournalStorage(backend), study_name="s", direction="maximize")
    for kind in ("good", "good", "bad", "hopeless"):
        study.enqueue_trial({"kind": kind})
    result = sweep(tmp_path, "kind=good,bad,hopeless", "hydra.sweeper.n_trials=4", "hydra.sweeper.seeds=[0,1]",
                   "hydra.sweeper.pruner=median", "hydra.sweeper.warmup_trials=1")
    assert result["trials"] == {"complete": 2, "pruned": 1, "fail": 1}
    assert [(kind, seed) for _, kind, seed in calls(tmp_path)] == [
        ("good", 0), ("good", 1), ("good", 0), ("good", 1), ("bad", 0), ("hopeless", 0)]
    assert result["best_params"] == {"kind": "good"}


def test_grid_visits_every_point_once(tmp_path):
    arguments = ("x=0.1,0.2,0.3", "kind=good,other", "hydra.sweeper.sampler=grid", "hydra.sweeper.n_jobs=3")
    sweep(tmp_path, *arguments, "hydra.sweeper.n_trials=4")
    assert len(calls(tmp_path)) == 4
    assert sweep(tmp_path, *arguments, "hydra.sweeper.n_trials=99")["trials"] == {"complete": 6}
    points = sorted((x, kind) for x, kind, _ in calls(tmp_path))
    assert points == [(x, kind) for x in (0.1, 0.2, 0.3) for kind in ("good", "other")]
