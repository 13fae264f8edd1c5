"""Starting the processes of a training run from inside a stage."""

from __future__ import annotations

import ctypes
import multiprocessing
import os
import signal
import socket
import sys
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from jptransfer import plugins
from jptransfer.config import Device, RuntimeConfig
from jptransfer.errors import JptError
from jptransfer.runtime import RichProgress, Runtime, SilentProgress

POLL = 0.2
"""Seconds between checks of the processes."""


def launch(function: Callable[..., Any], runtime: Runtime, *arguments: Any) -> Any:
    """Run `function(runtime, *arguments)` in `runtime.processes` processes and return the main one's result.

    With one process, `function` runs in this one. Otherwise it must be a module-level function (it is pickled by
    name), and its arguments and result must be picklable. The processes end when this one ends, for any reason. A
    `JptError` raised in one of them is raised here unchanged.
    """
    if runtime.settings.processes == 1:
        return function(runtime, *arguments)
    import torch.multiprocessing as mp

    context = mp.get_context("spawn")
    answers = context.SimpleQueue()
    shown = not isinstance(runtime.progress, SilentProgress)
    call = (_free_port(), answers, function, runtime.settings, shown, runtime.title, arguments)
    processes = mp.start_processes(_process, call, nprocs=runtime.settings.processes, join=False, start_method="spawn")
    received: list[tuple[str, Any]] = []
    try:
        # Answers are read while waiting: a process ends only when all of a large one has gone through the pipe.
        while not processes.join(timeout=POLL):
            _receive(answers, received)
    except (mp.ProcessRaisedException, mp.ProcessExitedException):
        _receive(answers, received)
        if not received:
            raise
    except BaseException:
        for process in processes.processes:  # otherwise Python would wait for their end
            process.kill()
        raise
    _receive(answers, received)
    kind, value = received[0]
    if kind == "error":
        raise value
    return value


def _receive(answers: Any, received: list[tuple[str, Any]]) -> None:
    while not answers.empty():
        received.append(answers.get())


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _process(rank, port, answers, function, settings: RuntimeConfig, shown: bool, title: str, arguments) -> None:
    _die_with_parent()
    sys.stdout = sys.stderr
    plugins.start()
    os.environ |= {"RANK": str(rank), "LOCAL_RANK": str(rank), "WORLD_SIZE": str(settings.processes),
                   "LOCAL_WORLD_SIZE": str(settings.processes), "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    settings = replace(settings, device=_device(settings.device))
    runtime = Runtime(settings, RichProgress() if shown and rank == 0 else SilentProgress(), title)
    try:
        result = function(runtime, *arguments)
    except JptError as error:
        answers.put(("error", error))
        raise
    if rank == 0:
        answers.put(("result", result))
    _leave_group()


def _device(wanted: Device) -> Device:
    """Return the device to request: Accelerate trains on the CPU in several processes only if it is requested."""
    import torch

    return Device.cpu if wanted is Device.auto and not torch.cuda.is_available() else wanted


def _die_with_parent() -> None:
    if sys.platform == "linux":
        pr_set_pdeathsig = 1
        ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGKILL)
    parent = multiprocessing.parent_process()
    if parent and os.getppid() != parent.pid:  # it died while this process was starting
        os._exit(1)


def _leave_group() -> None:
    import torch.distributed

    if torch.distributed.is_initialized():
        torch.distributed.destroy_process_group()
