"""The sweeper of ``-m``: jobs start at once, and yet a mistake in any of them is found before the first."""

import subprocess
import sys

import pytest

pytestmark = pytest.mark.slow

APP = """
import os
from dataclasses import dataclass, field
import hydra
from hydra.core.config_store import ConfigStore
from hydra._internal.config_loader_impl import ConfigLoaderImpl

load, loads = ConfigLoaderImpl.load_sweep_config, []
ConfigLoaderImpl.load_sweep_config = lambda *words, **named: (loads.append(1), load(*words, **named))[1]

@dataclass
class Group:
    size: int = 0

@dataclass
class C:
    defaults: list = field(default_factory=lambda: ["_self_", {"group": "a"}, {"override hydra/sweeper": "product"}])
    group: Group = field(default_factory=Group)
    x: int = 0
    table: dict[str, int] = field(default_factory=dict)

store = ConfigStore.instance()
store.store(name="config", node=C)
store.store(group="group", name="a", node=Group(size=1))
store.store(group="group", name="b", node=Group(size=2))

@hydra.main(version_base="1.3", config_path=None, config_name="config")
def main(c):
    print(len(loads), c.group.size, c.x, dict(c.table), flush=True)
main()
"""


def sweep(folder, *arguments: str) -> subprocess.CompletedProcess:
    (folder / "app.py").write_text(APP)
    return subprocess.run([sys.executable, "app.py", "-m", "hydra.sweep.dir=sweep", *arguments], cwd=folder,
                          capture_output=True, text=True)


def test_the_first_of_many_jobs_starts_at_once(tmp_path):
    done = sweep(tmp_path, "x=range(40)", "group=a,b")
    lines = done.stdout.splitlines()[1:]
    jobs = [line.split(" ", 1) for line in lines if "{}" in line]
    assert [rest for _, rest in jobs] == [f"{size} {x} {{}}" for x in range(40) for size in (1, 2)], done.stderr
    assert int(jobs[0][0]) == 3  # one for each choice of the group, and the job's own


def test_entries_of_tables_are_values_too(tmp_path):
    done = sweep(tmp_path, "++table={k:1},{k:2}", "x=1,2")
    jobs = [line.split(" ", 1) for line in done.stdout.splitlines() if "{'k'" in line]
    assert [rest for _, rest in jobs] == [f"1 {x} {{'k': {k}}}" for k in (1, 2) for x in (1, 2)], done.stderr
    assert int(jobs[0][0]) == 2


@pytest.mark.parametrize("wrong", [("x=1,2,three",), ("x=1,2", "group=a,c"), ("x=1,2", "y=1"), ("x=1,2", "~nothing"),
                                   ("group=a,b", "group.size=1,b"), ("++table={k:1},{k:b}",)])
def test_a_mistake_in_the_last_job_is_found_before_the_first(tmp_path, wrong):
    done = sweep(tmp_path, *wrong)
    assert done.returncode != 0
    assert not [line for line in done.stdout.splitlines() if line.endswith("}")], done.stdout
