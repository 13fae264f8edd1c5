"""What a training process says of the device it computes on."""

from __future__ import annotations

import pytest

from jptransfer.config import Device, Precision, RuntimeConfig
from jptransfer.runtime import Runtime, SilentProgress
from jptransfer.training import context
from jptransfer.training.context import TrainingContext


class Told(SilentProgress):
    def __init__(self):
        self.lines = []

    def log(self, line):
        self.lines.append(line)


@pytest.mark.parametrize(("precision", "native", "warned"), [
    (Precision.bf16, False, True), (Precision.bf16, True, False), (Precision.fp32, False, False)])
def test_bf16_on_a_cpu_without_it_is_told(monkeypatch, precision, native, warned):
    monkeypatch.setattr(context, "cpu_has_bf16", lambda: native)
    progress = Told()
    TrainingContext(Runtime(RuntimeConfig(device=Device.cpu, threads=1), progress), precision)
    assert [("precision=fp32" in line) for line in progress.lines] == [True] * warned
