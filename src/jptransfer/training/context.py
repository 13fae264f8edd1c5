"""Device, precision and process group of a training process. Only this module and `trackers` use Accelerate."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator
from accelerate.state import AcceleratorState
from accelerate.tracking import GeneralTracker
from accelerate.utils import broadcast_object_list, gather_object
from torch import Tensor, nn

from jptransfer.config import Device, Precision
from jptransfer.errors import ConfigError
from jptransfer.runtime import Runtime
from jptransfer.training.trackers import open_trackers


def cpu_has_bf16() -> bool:
    """Whether this CPU computes matrix products in bf16 fast (AVX-512 or AMX). Other CPUs emulate them slowly."""
    return torch.backends.mkldnn.is_available() and bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())


class TrainingContext:
    """Device of one training process, and its communication with the other processes.

    Attributes:
        device: device of the model and the batches.
        rank, world: index of this process and number of processes.
        threads: CPU threads of this process. Results may differ in rounding between thread counts.
        static_shapes: whether every new shape triggers a compilation (XLA, torch.compile), so that data should be
            padded to buckets.
    """

    def __init__(self, runtime: Runtime, precision: Precision = Precision.fp32) -> None:
        self.runtime = runtime
        settings = runtime.settings
        self.threads = runtime.threads
        torch.set_num_threads(self.threads)
        # Accelerate keeps the first caller's settings for the lifetime of the process; each run needs its own.
        AcceleratorState._reset_state(reset_partial_state=settings.processes == 1)
        self.accelerator = Accelerator(
            cpu=settings.device is Device.cpu,
            mixed_precision="no" if precision is Precision.fp32 else precision.value,
        )
        self.trackers: list[GeneralTracker] = []
        self.device: torch.device = self.accelerator.device
        self.rank, self.world = self.accelerator.process_index, self.accelerator.num_processes
        self._check_device(settings.device)
        if precision is Precision.bf16 and self.device.type == "cpu" and self.is_main and not cpu_has_bf16():
            runtime.progress.log("warning: this CPU has no instructions for bf16, which is some fifty times slower "
                                 "here than precision=fp32 (of pretraining, adaptation or finetuning.encoder)")
        self.static_shapes = self.device.type == "xla" or settings.compile

    def _check_device(self, wanted: Device) -> None:
        found = {"cuda": Device.gpu, "xla": Device.tpu}.get(self.device.type, Device.cpu)
        if wanted not in (Device.auto, found):
            raise ConfigError(f"runtime.device={wanted.value}: no such device here (found {self.device.type})")

    @property
    def is_main(self) -> bool:
        """Whether this process writes files and shows progress."""
        return self.rank == 0

    @property
    def micro_batch_tokens(self) -> int | None:
        """Maximum number of tokens per forward pass, None for no limit."""
        return self.runtime.settings.micro_batch_tokens

    def autocast(self) -> AbstractContextManager[None]:
        """Return the context in which forward passes run."""
        return self.accelerator.autocast()

    def seed(self, *keys: int) -> None:
        """Seed torch's random numbers (dropout) from `keys`, identically in every process."""
        digest = hashlib.blake2b(repr(keys).encode(), digest_size=8).digest()
        seed = int.from_bytes(digest, "big") >> 1
        torch.manual_seed(seed)
        if self.device.type == "xla":
            import torch_xla.core.xla_model as xm

            xm.set_rng_state(seed, self.device)

    def mark_step(self) -> None:
        """Run the operations that a lazy device (XLA) recorded; called per part, so graphs depend on its shape only."""
        if self.device.type == "xla":
            import torch_xla

            torch_xla.sync()

    def all_reduce(self, values: Mapping[str, float | Tensor]) -> dict[str, float]:
        """Sum scalars over all processes. Every process must pass the same names, in any order."""
        names = sorted(values)
        if self.world == 1 or not names:
            return {name: float(values[name]) for name in names}
        local = torch.tensor([float(values[name]) for name in names], dtype=torch.float64)
        if self.device.type != "cpu":
            local = local.to(self.device, torch.float32)
        summed = self.accelerator.reduce(local, reduction="sum").tolist()
        return dict(zip(names, summed, strict=True))

    def shard(self, items: Sequence[Any]) -> list[tuple[Any, float]]:
        """Return this process's share of `items`, each with weight 1. All shares together are `items`.

        A process without a share gets the first item with weight 0, because all processes must make the same
        collective calls.
        """
        return [(item, 1.0) for item in items[self.rank :: self.world]] or [(items[0], 0.0)]

    def all_reduce_gradients(self, parameters: Sequence[nn.Parameter], extra: Sequence[Tensor]) -> list[Tensor]:
        """Sum gradients over all processes in one message; also sum and return the scalars `extra`.

        A parameter without a gradient in every process keeps None, because an optimizer would apply weight decay to
        a zero gradient.
        """
        if self.world == 1:
            return list(extra)
        present = torch.tensor([float(p.grad is not None) for p in parameters], device=self.device)
        gradients = [(p.grad if p.grad is not None else torch.zeros_like(p)).flatten() for p in parameters]
        sizes = [p.numel() for p in parameters]
        message = torch.cat([*gradients, present, torch.stack([value.to(present) for value in extra])])
        *pieces, counts, scalars = self.accelerator.reduce(message, reduction="sum").split(
            [*sizes, len(sizes), len(extra)])
        for parameter, piece, count in zip(parameters, pieces, counts.tolist(), strict=True):
            parameter.grad = piece.view_as(parameter) if count else None
        return list(scalars)

    def broadcast(self, value: Any) -> Any:
        """Return the main process's `value` in every process."""
        return value if self.world == 1 else broadcast_object_list([value])[0]

    def all_gather(self, value: Any) -> list[Any]:
        """Return the values of all processes, in every process."""
        return [value] if self.world == 1 else gather_object([value])

    def barrier(self) -> None:
        """Wait until every process has reached this call."""
        self.accelerator.wait_for_everyone()

    def start_trackers(self, settings: Any) -> None:
        """Open the configured experiment trackers; `settings` is the dataclass that they show for the run."""
        if self.is_main:
            runtime = self.runtime
            folder = Path(runtime.settings.tracker_dir).absolute()
            self.trackers = open_trackers(runtime.settings.trackers, runtime.title, folder, settings)

    def track(self, record: Mapping[str, Any]) -> None:
        """Send the numbers of a history record to the trackers."""
        split, step = record["split"], record["step"]
        numbers = {f"{split}/{k}": v for k, v in record.items() if k not in ("split", "step")}
        for tracker in self.trackers:
            tracker.log(numbers, step=step)

    def close(self) -> None:
        """Close the trackers."""
        for tracker in self.trackers:
            tracker.finish()
