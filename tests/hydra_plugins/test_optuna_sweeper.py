"""The Optuna sweeper on a fast objective, through Hydra and in pieces."""

import json
import subprocess
import sys

import optuna
import pytest
import yaml
from hydra.core.override_parser.overrides_parser import OverridesParser
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

from hydra_plugins.jpt_optuna_sweeper._space import distribution, grid
from hydra_plugins.jpt_optuna_sweeper._study import make_pruner, make_sampler
from hydra_plugins.jpt_optuna_sweeper.sweeper import OptunaSweeperConfig
from jptransfer.errors import ConfigError

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


@pytest.mark.parametrize(("override", "expected"), [
    ("a=1,2", CategoricalDistribution([1, 2])),
    ("a=choice(x,y)", CategoricalDistribution(["x", "y"])),
    ("a=range(1,8,2)", IntDistribution(1, 7, step=2)),
    ("a=range(0.0,1.0,0.25)", FloatDistribution(0.0, 0.75, step=0.25)),
    ("a=interval(-1,2)", FloatDistribution(-1.0, 2.0)),
    ("a=tag(log,interval(1e-5,1e-2))", FloatDistribution(1e-5, 1e-2, log=True)),
    ("a=tag(int,log,interval(1,64))", IntDistribution(1, 64, log=True)),
    ("a=int(interval(1,64))", IntDistribution(1, 64)),
    ("a=tag(log,int(interval(1,64)))", IntDistribution(1, 64, log=True)),
])
def test_search_spaces(override, expected):
    assert distribution(OverridesParser.create().parse_override(override)) == expected


def test_a_logarithm_of_zero_is_refused():
    with pytest.raises(ConfigError, match=r"a=tag\(log"):
        distribution(OverridesParser.create().parse_override("a=tag(log,interval(0,1))"))


def test_grid_lists_every_value():
    space = {"a": CategoricalDistribution(["x", "y"]), "b": IntDistribution(1, 3, step=2)}
    assert grid(space) == [{"a": "x", "b": 1}, {"a": "x", "b": 3}, {"a": "y", "b": 1}, {"a": "y", "b": 3}]
    assert grid({"c": FloatDistribution(0.0, 0.5, step=0.25)}) == [{"c": 0.0}, {"c": 0.25}, {"c": 0.5}]
    with pytest.raises(ConfigError, match="continuous"):
        grid({"d": FloatDistribution(0.0, 1.0)})


@pytest.mark.parametrize("wrong", [{"sampler": "tpee"}, {"pruner": "medain"}])
def test_names_are_checked(wrong):
    settings = OptunaSweeperConfig(**wrong)
    with pytest.raises(ConfigError, match="did you mean"):
        (make_sampler(settings), make_pruner(settings))


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
