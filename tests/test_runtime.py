"""Progress without a terminal; threads and workers of a job."""

from __future__ import annotations

import pytest

from jptransfer import runtime
from jptransfer.config import RuntimeConfig
from jptransfer.runtime import RichProgress, Runtime


@pytest.fixture
def clock(monkeypatch):
    now = [0.0]
    monkeypatch.setattr(runtime.time, "monotonic", lambda: now[0])
    return now


def test_without_a_terminal_a_line_a_minute_says_how_far_a_step_is(clock, capsys):
    with RichProgress().bar("pretrain lm", total=400, done=100) as bar:
        for _ in range(6):
            bar.set_postfix("loss 2.5")
            clock[0] += 25
            bar.update(20)
    said = capsys.readouterr().err.splitlines()
    assert said == ["… pretrain lm  160 of 400 (40%), about 5 min left  loss 2.5",
                    "… pretrain lm  220 of 400 (55%), about 4 min left  loss 2.5"]


def test_a_step_of_unknown_length_says_what_is_done(clock, capsys):
    with RichProgress().bar("read") as bar:
        clock[0] += 61
        bar.update(12_345)
    assert capsys.readouterr().err == "… read  12,345\n"


def test_bars_that_are_not_wanted_say_nothing(clock, capsys):
    with RichProgress(bars=False).bar("read") as bar:
        clock[0] += 61
        bar.update()
    assert capsys.readouterr().err == ""


@pytest.fixture
def machine(monkeypatch, tmp_path):
    """A process that may run on 8 cores, without OpenMP's and Slurm's variables and without a quota."""
    for name in ("OMP_NUM_THREADS", "SLURM_CPUS_PER_TASK"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(runtime.os, "sched_getaffinity", lambda _: set(range(8)))
    monkeypatch.setattr(runtime, "CPU_QUOTA", tmp_path / "cpu.max")
    return monkeypatch


@pytest.mark.parametrize(("variables", "settings", "threads", "workers"), [
    ({}, {}, 8, 8),
    ({}, {"processes": 2}, 4, 8),
    ({"OMP_NUM_THREADS": "3"}, {}, 3, 8),
    ({"OMP_NUM_THREADS": "3"}, {"processes": 2}, 3, 8),  # OpenMP's number is that of one process
    ({"OMP_NUM_THREADS": "3"}, {"threads": 5, "workers": 2}, 5, 2),
    ({"OMP_NUM_THREADS": "4,2"}, {}, 4, 8),
    ({"OMP_NUM_THREADS": ""}, {}, 8, 8),
    ({"OMP_NUM_THREADS": "0"}, {}, 8, 8),
    ({"OMP_NUM_THREADS": "many"}, {}, 8, 8),
    ({"SLURM_CPUS_PER_TASK": "6"}, {}, 6, 6),
    ({"SLURM_CPUS_PER_TASK": "6"}, {"processes": 4}, 1, 6),
    ({"SLURM_CPUS_PER_TASK": "6", "OMP_NUM_THREADS": "2"}, {}, 2, 6),
])
def test_threads_and_workers(machine, variables, settings, threads, workers):
    for name, value in variables.items():
        machine.setenv(name, value)
    found = Runtime(RuntimeConfig(**settings))
    assert (found.threads, found.workers) == (threads, workers)


@pytest.mark.parametrize(("quota", "threads"), [("max 100000", 8), ("250000 100000", 3), ("50000 100000", 1),
                                                ("2000000 100000", 8), ("", 8)])
def test_a_quota_of_the_container_limits_threads(machine, quota, threads):
    runtime.CPU_QUOTA.write_text(quota + "\n")
    assert Runtime().threads == threads


def test_training_uses_these_threads(machine):
    import torch

    from jptransfer.training.context import TrainingContext

    before = torch.get_num_threads()
    machine.setenv("OMP_NUM_THREADS", "2")
    try:
        assert TrainingContext(Runtime()).threads == torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)
