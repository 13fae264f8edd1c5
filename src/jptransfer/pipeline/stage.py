"""What a stage is: one description that verbs, artifact kinds, lineage, help, plans and building follow from.

Each module of `jptransfer.stages` exports one, `STAGE`; `jptransfer.registry.STAGES` lists the modules. A stage of a
plugin is one more such object, registered by its name.

The stage's function knows its typed configuration, the folders of its inputs by role, the empty (or, after an
interruption, partly filled) folder `out`, and how it may run. It knows no Hydra, no store and no global state. What it
leaves in `out` becomes the artifact, except the folder ``out/.work``: that one survives interruptions (resumable
checkpoints are written there) and is removed when the artifact is published.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jptransfer.artifacts.manifest import SCRATCH
from jptransfer.registry import STAGES
from jptransfer.runtime import Runtime

if TYPE_CHECKING:
    from jptransfer.pipeline.experiment import Experiment
    from jptransfer.pipeline.graph import Source

WORK = SCRATCH

Inputs = Mapping[str, Path]


@dataclass(frozen=True)
class Summary:
    """What a stage reports of the artifact it made: a line for the terminal, JSON values for manifest and report."""

    headline: str
    values: dict[str, Any] = field(default_factory=dict)


Run = Callable[[Any, Inputs, Path, Runtime], Summary]
"""``run(config, inputs, out, runtime)`` fills the folder `out` from the folders `inputs`."""


@dataclass(frozen=True)
class Stage:
    """The description of one stage.

    Modules that define one import nothing heavy: what `run` needs is imported inside of it.

    Attributes:
        name: in recipes, plans and messages; also the name of its row in `registry.STAGES`.
        verb: of the command line that builds it; several stages may share one.
        kind: of the artifact it makes.
        version: part of every identity; raised when the code changes what the stage makes.
        title: what a box of the report's lineage is called.
        help: one line for `jpt --help` and `jpt ls stages`.
        plan: an experiment -> the artifacts that the verb builds; see `per_graph` for one graph at a time.
        run: makes the artifact.
        empty: what to say if the configuration describes nothing for this stage to make.
        per_run: there is one artifact for each row and seed, which the lineage shows as one box per row.
        goal: `jpt run` may end with it, where the configuration describes nothing further down the pipeline.
    """

    name: str
    verb: str
    kind: str
    version: int
    title: str
    help: str
    plan: Callable[[Experiment], Sequence[Source]]
    run: Run
    empty: str
    per_run: bool = False
    goal: bool = False


def find_stage(name: str) -> Stage:
    """Return the stage registered under `name`, else raise `ConfigError` with the nearest name."""
    stage: Stage = STAGES.load(name)
    return stage


def all_stages() -> Iterator[Stage]:
    """Yield every registered stage in the order of the pipeline, those of plugins last."""
    yield from map(find_stage, STAGES)
