"""Progress without a terminal: a line now and then."""

from __future__ import annotations

import pytest

from jptransfer import runtime
from jptransfer.runtime import RichProgress


@pytest.fixture
def clock(monkeypatch):
    now = [0.0]
    monkeypatch.setattr(runtime.time, "monotonic", lambda: now[0])
    return now


def test_without_a_terminal_a_line_a_minute_says_how_far_a_step_is(clock, capsys):
    with RichProgress().bar("pretrain lm", total=400, done=100) as bar:
        for _ in range(6):
            bar.note("loss 2.5")
            clock[0] += 25
            bar.advance(20)
    said = capsys.readouterr().err.splitlines()
    assert said == ["… pretrain lm  160 of 400 (40%), about 5 min left  loss 2.5",
                    "… pretrain lm  220 of 400 (55%), about 4 min left  loss 2.5"]


def test_a_step_of_unknown_length_says_what_is_done(clock, capsys):
    with RichProgress().bar("read") as bar:
        clock[0] += 61
        bar.advance(12_345)
    assert capsys.readouterr().err == "… read  12,345\n"


def test_bars_that_are_not_wanted_say_nothing(clock, capsys):
    with RichProgress(bars=False).bar("read") as bar:
        clock[0] += 61
        bar.advance()
    assert capsys.readouterr().err == ""
