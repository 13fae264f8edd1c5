"""The graph of stages that a configuration describes: nodes with identities, nothing built yet.

Identities follow from the configuration alone, so `jpt finetune` knows which language model it needs without
building it. The nodes themselves are planned by the modules of `jptransfer.stages`; see `StageGraph`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, is_dataclass, replace
from functools import cached_property, wraps
from pathlib import Path
from typing import Any, Protocol, TypeAlias, TypeVar, get_type_hints

from jptransfer.artifacts import Store, canonical, fingerprint
from jptransfer.artifacts.fingerprint import SHORT
from jptransfer.config.chosen import member_versions, plugin_versions
from jptransfer.config.run import Config
from jptransfer.errors import ConfigError
from jptransfer.hub import HUB
from jptransfer.pipeline.external_inputs import MODEL, MissingFiles, external_inputs, resolve_revisions
from jptransfer.pipeline.stage import find_stage
from jptransfer.registry import STAGES

Result = TypeVar("Result")


class Compose(Protocol):
    """Composes a configuration with overrides added to those of the run."""

    def __call__(self, overrides: list[str], fresh: Sequence[str] = (), /) -> Config:
        """Return the configuration; the sections `fresh` are as their presets and `overrides` say, see `presets_of`."""


def presets_of(overrides: Sequence[str]) -> list[str]:
    """Return the sections for which `overrides` choose a preset.

    The source of a transfer has such a section as the preset says, with what `transfer.build` sets in it: whatever an
    experiment's file, the command line, a row or a suite's cell sets in the section is for the target.
    """
    chosen = [one.partition("=") for one in overrides]
    return list(dict.fromkeys(key for key, _, value in chosen if key in SECTIONS and not value.startswith("{")))


def drop_overrides(overrides: Sequence[str], sections: Sequence[str]) -> list[str]:
    """Return the overrides that set no value inside `sections`."""
    inside = tuple(f"{section}." for section in sections)
    return [one for one in overrides if not one.lstrip("+~").startswith(inside)]


SECTIONS = tuple(field.name for field in fields(Config) if is_dataclass(get_type_hints(Config)[field.name]))
"""Sections of a configuration that presets exist for."""


@dataclass(frozen=True, eq=False)
class StageNode:
    """One stage with its configuration and inputs; equal recipes have equal fingerprints.

    `section` is the section of the user's configuration that `config` came from.
    """

    stage: str
    name: str
    config: Any
    inputs: Mapping[str, Source]
    externals: dict[str, str]
    section: str = ""

    @property
    def kind(self) -> str:
        """Kind of artifact it makes."""
        return find_stage(self.stage).kind

    @cached_property
    def recipe(self) -> dict[str, Any]:
        """What the identity is computed from."""
        inputs = {role: source.fingerprint for role, source in self.inputs.items()}
        recipe: dict[str, Any] = canonical({
            "stage": self.stage, "version": find_stage(self.stage).version, "config": canonical(self.config),
            "inputs": {**inputs, **self.externals}})
        return recipe

    @cached_property
    def fingerprint(self) -> str:
        """64 hex digits."""
        return fingerprint(self.recipe)

    @property
    def id(self) -> str:
        """Short id."""
        return self.fingerprint[:SHORT]


@dataclass(frozen=True)
class PretrainedRef:
    """A model made elsewhere that is used as it is: an artifact, a folder or a model of the hub."""

    kind: str
    fingerprint: str
    location: str
    is_local: bool

    def folder(self) -> Path:
        """Return the local folder, fetching from the hub if need be."""
        if not self.location.startswith(HUB):
            return Path(self.location)
        from jptransfer.models.pretrained import fetch

        return fetch(HUB + self.fingerprint.removeprefix(f"{MODEL}:"))[0]


Source: TypeAlias = StageNode | PretrainedRef
"""What a stage may take as an input."""


def _alone(overrides: list[str], fresh: Sequence[str] = ()) -> Config:
    raise TypeError("this graph was made from a configuration alone, without a function that changes it")


@dataclass
class StageGraph:
    """What one run is planned from: its configuration, the store, and the nodes that were planned already.

    Each module of `jptransfer.stages` has functions that plan its nodes, for example
    ``plan_task_model(graph) -> StageNode | None``. They ask the functions of other stages for their inputs; `once`
    makes sure that everyone gets the same node. `None` means that the configuration has no such section.

    `compose` makes the configurations of an ensemble's other members and of a transfer's source, which are given as
    overrides of this one; its seed is the one that the overrides are read with, `config.seed` that of the run.

    Files that do not exist are added to `missing`, so that a plan can report all of them at once; without it the first
    stage that lacks files raises. `where` begins the messages about them.
    """

    config: Config
    store: Store
    compose: Compose = _alone
    missing: MissingFiles | None = None
    where: str = ""
    planned: dict[Callable[..., Any], Any] = field(default_factory=dict, init=False, repr=False)

    def node(self, stage: str, section: str, name: str, config: Any, inputs: Mapping[str, Source]) -> StageNode:
        """Return the node of a stage.

        Args:
            stage: name of the stage.
            section: section of the user's configuration that `config` came from, for messages.
            name: label of the artifact.
            config: the stage's configuration; hub references in it are resolved to commits.
            inputs: role -> what the stage reads.
        """
        digests, lacking = external_inputs(config, self.store, section, self.config.data_root)
        digests |= member_versions(config)
        digests |= {f"plugin:{name}": made_by for name, made_by in plugin_versions([STAGES.entries[stage]]).items()}
        missing = self.missing or MissingFiles()
        for source, message, path in lacking:
            missing.add(source, f"{self.where}{message}" if self.missing else message, path)
        if not self.missing:
            missing.check()
        return StageNode(stage, name, resolve_revisions(config, digests), inputs, digests, section)

    def changed(self, overrides: list[str], where: str, fresh: Sequence[str] = ()) -> StageGraph:
        """Return the graph of this configuration with `overrides` added.

        Args:
            overrides: as on the command line.
            where: the setting that they are from, for messages.
            fresh: see `Compose`.
        """

        def compose(more: list[str], also: Sequence[str] = ()) -> Config:
            return self.compose([*drop_overrides(overrides, also), *more], tuple(dict.fromkeys([*fresh, *also])))

        return StageGraph(self.compose(overrides, tuple(fresh)), self.store, compose, self.missing,
                          f"{self.where}{where}: ")

    def member(self, name: str, overrides: list[str]) -> StageGraph:
        """Return the graph of another member of an ensemble; its seed is that of the run, unless it names one."""
        try:
            graph = self.changed(overrides, f"ensemble.{name}")
        except ConfigError as error:
            raise ConfigError(f"ensemble.{name}: {error}") from error
        has_seed = any(one.lstrip("+").startswith("seed=") for one in overrides)
        return graph if has_seed else replace(graph, config=replace(graph.config, seed=self.config.seed))


def once(plan: Callable[[StageGraph], Result]) -> Callable[[StageGraph], Result]:
    """Make a planning function run once per graph: whoever asks again gets the same node."""

    @wraps(plan)
    def planned(graph: StageGraph) -> Result:
        if plan not in graph.planned:
            graph.planned[plan] = plan(graph)
        result: Result = graph.planned[plan]
        return result

    return planned


def upstream(nodes: Iterable[StageNode]) -> Iterator[StageNode]:
    """Yield the nodes behind `nodes` and themselves, inputs first, each identity once."""
    seen: set[str] = set()

    def visit(node: StageNode) -> Iterator[StageNode]:
        if node.fingerprint in seen:
            return
        seen.add(node.fingerprint)
        for source in node.inputs.values():
            if isinstance(source, StageNode):
                yield from visit(source)
        yield node

    for node in nodes:
        yield from visit(node)
