"""The plan: which stages the targets need, which of them are there, and why the others are not."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from functools import cache
from pathlib import Path
from typing import Any

from jptransfer.artifacts import Artifact, Store
from jptransfer.artifacts.fingerprint import SHORT, differences
from jptransfer.pipeline.graph import StageNode, upstream
from jptransfer.pipeline.provenance import source_digest


class State(Enum):
    """Where a stage of a plan stands."""

    present = "present"
    missing = "missing"
    unneeded = "not needed"


@dataclass(frozen=True)
class PlannedStage:
    """One stage of a plan."""

    node: StageNode
    state: State
    artifact: Artifact | None
    target: bool


@dataclass(frozen=True)
class Plan:
    """Steps in the order they are built, inputs first."""

    steps: list[PlannedStage]
    targets: list[StageNode]

    @property
    def missing(self) -> list[PlannedStage]:
        """The steps that have to be built."""
        return [step for step in self.steps if step.state is State.missing]


def make_plan(targets: list[StageNode], store: Store) -> Plan:
    """Return the plan for `targets`. What lies behind a present artifact is not needed, whether it is there or not."""
    nodes = {node.fingerprint: node for node in upstream(targets)}
    wanted = {node.fingerprint for node in targets}
    found = {key: store.find(key, node.kind) for key, node in nodes.items()}
    needed: set[str] = set()

    def need(node: StageNode) -> None:
        if node.fingerprint in needed or found[node.fingerprint]:
            return
        needed.add(node.fingerprint)
        for source in node.inputs.values():
            if isinstance(source, StageNode):
                need(source)

    for target in targets:
        need(target)

    def state(key: str) -> State:
        if found[key]:
            return State.present
        return State.missing if key in needed else State.unneeded

    return Plan([PlannedStage(node, state(key), found[key], key in wanted) for key, node in nodes.items()], targets)


def reason(node: StageNode, store: Store) -> str:
    """Say why there is no artifact for a node: the nearest one of its stage and the fields that differ."""
    return _reason(node, *store.survey(node.kind))


def _reason(node: StageNode, known: list[Artifact], damaged: list[tuple[Path, str]]) -> str:
    for folder, why in damaged:
        if folder.name.endswith(f"-{node.id}"):
            return f"it is damaged, and made again: {why}"
    others = [a for a in known if a.manifest.stage == node.stage]
    if not others:
        return f"no artifact of stage {node.stage} yet"
    gaps = {other.id: list(differences(other.manifest.recipe, node.recipe)) for other in others}
    nearest = min(others, key=lambda other: (len(gaps[other.id]), other.path.name))
    shown = [f"{_setting(where, node)}: {_brief(old)} → {_brief(new)}" for where, old, new in gaps[nearest.id]]
    tail = f" and {len(shown) - 3} more" if len(shown) > 3 else ""
    return f"nearest is {nearest.path.name}, which differs in {'; '.join(shown[:3])}{tail}"


def _setting(where: str, node: StageNode) -> str:
    """Name a field of a recipe as the user does: a stage serves several sections, as `pretraining` and `adaptation`."""
    first, _, rest = where.removeprefix("config.").partition(".")
    shared = where.startswith("config.") and first in ("corpus", "training")
    return ".".join([node.section if shared and node.section else first, *filter(None, [rest])])


def remarks(plan: Plan, store: Store) -> list[str]:
    """Say of each step why it is missing, or that what is there was made by other source code; else nothing.

    The store's manifests are read once for each kind, however many steps are missing.
    """
    survey = cache(store.survey)

    def remark(step: PlannedStage) -> str:
        if step.state is State.missing:
            return _reason(step.node, *survey(step.node.kind))
        if step.artifact and step.artifact.manifest.provenance.get("source") != source_digest():
            return "made by other source code of the same stage version"
        return ""

    return [remark(step) for step in plan.steps]


def _brief(value: Any) -> str:
    if isinstance(value, str) and len(value) == 64:
        return value[:SHORT]
    text = "nothing" if value is None else str(value)
    return text if len(text) <= 40 else text[:39] + "…"
