"""Interface of all probes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from jptransfer.config import ModelConfig
from jptransfer.pipeline.stage import Summary
from jptransfer.runtime import Runtime

RESULT = "result.json"
"""File with what a probe found."""


@dataclass(frozen=True)
class ProbeContext:
    """What a probe works on.

    Attributes:
        settings: its own section of the configuration; None: it has none.
        inputs: the folders of the artifacts that its row names in `needs`, by role.
        out: folder to fill; `RESULT` is written there.
        model: architecture of a fresh encoder; None: there is a language model.
        seed: of everything random.
    """

    settings: Any
    inputs: Mapping[str, Path]
    out: Path
    runtime: Runtime
    model: ModelConfig | None = None
    seed: int = 0


class Probe(Protocol):
    """A way to examine a frozen model; implementations are functions registered in `jptransfer.registry.PROBES`."""

    def __call__(self, context: ProbeContext) -> Summary:
        """Write what is found to `context.out`, and return what to report of it."""
