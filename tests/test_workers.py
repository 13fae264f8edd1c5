"""Order, start, failure and death of worker processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from concurrent.futures.process import BrokenProcessPool

import pytest

from jptransfer.workers import ordered_map

pytestmark = pytest.mark.slow

BASE = 0


def begin(base: int) -> None:
    global BASE
    BASE = base


def slow_square(number: int) -> int:
    time.sleep(0.02 * (number % 3 == 0))
    return BASE + number * number


def die(number: int) -> int:
    os.kill(os.getpid(), signal.SIGKILL)
    return number


def fail(number: int) -> int:
    raise ValueError(f"item {number}")


@pytest.mark.parametrize("workers", [1, 2])
def test_results_come_in_order(workers):
    assert list(ordered_map(slow_square, range(20), workers, begin, (5,))) == [5 + n * n for n in range(20)]


def test_the_stream_is_read_as_it_is_needed():
    read: list[int] = []

    def items():
        for number in range(100):
            read.append(number)
            yield number

    results = ordered_map(slow_square, items(), 2)
    next(results)
    assert len(read) == 4
    results.close()


def test_an_error_or_a_death_reaches_the_caller():
    with pytest.raises(ValueError, match="item 0"):
        list(ordered_map(fail, range(3), 2))
    with pytest.raises(BrokenProcessPool):
        list(ordered_map(die, range(3), 2))


PARENT = """
import os, time
from jptransfer.workers import ordered_map
if __name__ == "__main__":
    for found in ordered_map(os.path.realpath, ["/proc/self"] * 100, 2):
        print(os.path.basename(found), flush=True)
        time.sleep(60)
"""


def test_workers_end_with_a_killed_parent(tmp_path):
    script = tmp_path / "parent.py"
    script.write_text(PARENT)
    with subprocess.Popen([sys.executable, str(script)], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        worker = int(parent.stdout.readline())
        os.kill(worker, 0)
        parent.kill()
    for _ in range(100):
        try:
            os.kill(worker, 0)
        except ProcessLookupError:
            return
        if "State:\tZ" in open(f"/proc/{worker}/status").read():  # noqa: SIM115, PTH123 dead, not yet collected
            return
        time.sleep(0.1)
    pytest.fail(f"worker {worker} outlives its parent")
