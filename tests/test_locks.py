"""Locks: one holder at a time, nothing left afterwards, and no lock held on a file that is gone."""

import subprocess
import sys
from threading import Event, Thread

import pytest

from jptransfer.locks import exclusive

COUNT = """
import sys
from pathlib import Path
from jptransfer.locks import exclusive
folder = Path(sys.argv[1])
for _ in range(60):
    with exclusive(folder / "x.lock", lambda: None):
        number = int((folder / "count").read_text())
        (folder / "count").write_text(str(number + 1))
"""


def test_no_two_processes_hold_a_lock_at_once_though_it_is_removed_after_use(tmp_path):
    (tmp_path / "count").write_text("0")
    counters = [subprocess.Popen([sys.executable, "-c", COUNT, str(tmp_path)]) for _ in range(4)]
    assert [one.wait(60) for one in counters] == [0] * 4
    assert (tmp_path / "count").read_text() == "240"
    assert [path.name for path in tmp_path.iterdir()] == ["count"]


def test_who_waits_is_told_once_and_gets_a_lock_on_the_file_that_is_there(tmp_path):
    path, waits, events = tmp_path / "x.lock", Event(), []

    def other():
        with exclusive(path, lambda: (events.append("waiting"), waits.set())):
            events.append(path.exists())

    with exclusive(path, lambda: events.append("never")):
        thread = Thread(target=other)
        thread.start()
        assert waits.wait(10)
        events.append("released")
    thread.join()
    assert events == ["waiting", "released", True] and not path.exists()


def test_a_failure_and_a_killed_holder_leave_no_lock(tmp_path):
    path = tmp_path / "deeper" / "x.lock"
    with pytest.raises(ZeroDivisionError), exclusive(path, lambda: None):
        _ = 1 / 0
    assert not path.exists()
    path.touch()  # of a process that was killed
    with exclusive(path, lambda: pytest.fail("nobody holds it")):
        pass
    assert not path.exists()
