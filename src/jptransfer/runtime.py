"""What a stage gets to run with: runtime settings and a place to show progress. Nothing here changes an outcome."""

from __future__ import annotations

import math
import os
import re
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, TypeVar

from jptransfer.config import RuntimeConfig
from jptransfer.errors import shown

T = TypeVar("T")

CPU_QUOTA = Path("/sys/fs/cgroup/cpu.max")
"""Microseconds of CPU time in a period of microseconds, or ``max``: the limit of this control group."""
SECONDS_BETWEEN_LINES = 60.0
"""Where there is no terminal, a long step says this often how far it is."""


class Bar(Protocol):
    """One progress bar."""

    def update(self, amount: float = 1) -> None:
        """Move on by `amount` units."""

    def set_postfix(self, text: str) -> None:
        """Show `text` (a loss, a count) beside the bar."""


class Progress(Protocol):
    """Where long steps show how far they are."""

    def bar(self, label: str, total: float | None = None, done: float = 0) -> AbstractContextManager[Bar]:
        """Open a bar; `total` may be unknown, `done` is what an earlier run had finished."""

    def log(self, line: str) -> None:
        """Print a line above the bars."""


class _SilentBar:
    def update(self, amount: float = 1) -> None:
        pass

    def set_postfix(self, text: str) -> None:
        pass


class SilentProgress:
    """Shows nothing: for tests, and for all but the first process."""

    @contextmanager
    def bar(self, label: str, total: float | None = None, done: float = 0) -> Iterator[Bar]:
        """Open a bar that shows nothing."""
        yield _SilentBar()

    def log(self, line: str) -> None:
        """Drop the line."""


class _RichBar:
    def __init__(self, progress, task) -> None:
        self.progress, self.task = progress, task

    def update(self, amount: float = 1) -> None:
        self.progress.advance(self.task, amount)

    def set_postfix(self, text: str) -> None:
        self.progress.update(self.task, note=text)


class _LineBar:
    """A bar for log files: a line now and then."""

    def __init__(self, log: Callable[[str], None], label: str, total: float | None, done: float) -> None:
        self.log, self.label, self.total, self.done, self.start, self.text = log, label, total, done, done, ""
        self.began = self.said = time.monotonic()

    def update(self, amount: float = 1) -> None:
        self.done += amount
        now = time.monotonic()
        if now - self.said >= SECONDS_BETWEEN_LINES:
            self.said = now
            self.log("  ".join(filter(None, [f"… {self.label}", self._where(now), self.text])))

    def set_postfix(self, text: str) -> None:
        self.text = text

    def _where(self, now: float) -> str:
        if not self.total:
            return f"{self.done:,.0f}"
        left = (now - self.began) * (self.total - self.done) / max(self.done - self.start, 1e-9) / 60
        return f"{self.done:,.0f} of {self.total:,.0f} ({self.done / self.total:.0%}), about {left:,.0f} min left"


class RichProgress:
    """Bars and lines by rich on standard error; without a terminal a line a minute stands for a bar."""

    def __init__(self, bars: bool = True) -> None:
        from rich.console import Console

        self.console = Console(stderr=True)
        self.bars = bars

    @contextmanager
    def bar(self, label: str, total: float | None = None, done: float = 0) -> Iterator[Bar]:
        """Open a bar that disappears when it is done; shows nothing where bars are not wanted."""
        if not self.bars:
            yield _SilentBar()
        elif not self.console.is_terminal:
            yield _LineBar(self.log, label, total, done)
        else:
            with self._rich_bar(label, total, done) as bar:
                yield bar

    @contextmanager
    def _rich_bar(self, label: str, total: float | None, done: float) -> Iterator[Bar]:
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
        from rich.progress import Progress as Rich

        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(),
                   TextColumn("{task.fields[note]}", markup=False))
        with Rich(*columns, console=self.console, transient=True) as progress:
            task = progress.add_task(label, total=total, completed=done, note="")  # type: ignore[arg-type] # float is fine
            yield _RichBar(progress, task)

    def log(self, line: str) -> None:
        """Print the line as it is."""
        self.console.print(shown(line), markup=False, highlight=False, soft_wrap=True)


@dataclass(frozen=True)
class Runtime:
    """Settings, progress, and the title of what is being made, handed to every stage."""

    settings: RuntimeConfig = field(default_factory=RuntimeConfig)
    progress: Progress = field(default_factory=SilentProgress)
    title: str = "run"

    @property
    def workers(self) -> int:
        """Processes that may read and tokenise text."""
        return self.settings.workers or cores()

    @property
    def threads(self) -> int:
        """CPU threads of this process: `runtime.threads`, else OMP_NUM_THREADS, else its share of the cores."""
        settings = self.settings
        return (settings.threads or _positive(os.environ.get("OMP_NUM_THREADS"))
                or max(1, cores() // settings.processes))

    def track(self, items: Iterable[T], label: str, total: int | None = None) -> Iterator[T]:
        """Yield `items` under a progress bar."""
        with self.progress.bar(label, total) as bar:
            for item in items:
                yield item
                bar.update()


def cores() -> int:
    """Return the cores that this job may use: Slurm's share, else those that it may run on within its quota."""
    if asked := _positive(os.environ.get("SLURM_CPUS_PER_TASK")):
        return asked
    allowed = len(os.sched_getaffinity(0))
    return min(allowed, _quota() or allowed)


def _positive(text: str | None) -> int | None:
    """Return the positive whole number that `text` begins with (OMP_NUM_THREADS may be a list), else None."""
    found = re.match(r"\s*0*([1-9]\d*)\s*(,|$)", text or "")
    return int(found[1]) if found else None


def _quota() -> int | None:
    """Return the cores that a control group (a container) pays for, rounded up; None: no limit."""
    try:
        quota, period = CPU_QUOTA.read_text(encoding="ascii").split()
        return max(1, math.ceil(int(quota) / int(period)))
    except (OSError, ValueError):  # no control groups, or "max"
        return None
