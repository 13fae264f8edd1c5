"""The pipeline: from configurations to targets, from targets to a plan, from a plan to artifacts.

Looking up, locking, resuming, publishing and lineage are done here, once, for all stages.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable
from dataclasses import dataclass

from jptransfer import stages
from jptransfer.artifacts import Store
from jptransfer.config import Config
from jptransfer.errors import ConfigError, unknown
from jptransfer.pipeline.build import build, build_past_failures
from jptransfer.pipeline.external_inputs import MissingFileError, MissingFiles
from jptransfer.pipeline.graph import LM_WORDS, Compose, PretrainedRef, StageGraph, StageNode, drop_overrides, upstream
from jptransfer.pipeline.planning import Plan, PlannedStage, State, make_plan, reason, remarks

__all__ = ["LM_WORDS", "VERBS", "Compose", "MissingFileError", "MissingFiles", "Plan", "PlannedStage", "PretrainedRef",
           "Run", "StageGraph", "StageNode", "State", "build", "build_past_failures", "drop_overrides", "make_plan",
           "reason", "refuse_upstream", "remarks", "targets", "upstream"]


@dataclass(frozen=True)
class Run:
    """One row and seed of an experiment: its configuration, and the function that changes it (see `StageGraph`)."""

    row: str
    seed: int
    config: Config
    compose: Compose | None = None

    def chain(self, store: Store, missing: MissingFiles | None = None) -> StageGraph:
        """Return the stages it describes; files that are not there are added to `missing` (see `StageGraph`)."""
        compose = {"compose": self.compose} if self.compose else {}
        return StageGraph(self.config, store, missing=missing, **compose)


VERBS: dict[str, tuple[Callable[[StageGraph], list], str]] = {
    "prepare": (lambda c: [c.corpus, c.domain, c.dataset], "no corpus, domain or task is chosen, try corpus=toy"),
    "tokenize": (lambda c: [c.tokenizer, c.domain_tokenizer], "no tokenizer is to be made"),
    "encode": (lambda c: [c.encoded, c.encoded_domain], "no corpus or domain is chosen, for example corpus=toy"),
    "pretrain": (lambda c: [c.language_model], "no corpus is chosen, for example corpus=toy"),
    "adapt": (lambda c: [c.adapted], "no domain is chosen, for example domain=toy"),
    "finetune": (lambda c: c.task_models, "no task is chosen, for example task=toy_sentiment"),
    "eval": (lambda c: [c.evaluation], "no task is chosen, for example task=toy_sentiment"),
}
"""Verb -> (what it makes of a chain, what to say if a configuration has none of it)."""


def _everything(chain: StageGraph) -> list:
    return [chain.evaluation] if chain.dataset else [chain.adapted or chain.language_model]


def targets(verb: str, runs: list[Run], store: Store, name: str, command: str = "") -> list[StageNode]:
    """Return the nodes a verb is to build for all runs; `report` and `run` make one report of all evaluations.

    Args:
        command: what a report says makes it.

    Raises:
        ConfigError: the configuration describes nothing of the kind.
    """
    missing = MissingFiles()
    found = _targets(verb, runs, {(run.row, run.seed): run.chain(store, missing) for run in runs}, name, command)
    missing.check()
    return found


def _targets(verb: str, runs: list[Run], chains: dict[tuple[str, int], StageGraph], name: str,
             command: str) -> list[StageNode]:
    if verb in ("report", "run") and all(chain.dataset for chain in chains.values()):
        return [report_node(chains, runs[0].config, name, command)]
    if verb == "report":
        raise ConfigError("no task is chosen, for example task=toy_sentiment")
    pick, complaint = VERBS.get(verb, (_everything, "it describes nothing to build; try +experiment=quickstart"))
    found = {node.fingerprint: node for chain in chains.values() for node in pick(chain) if isinstance(node, StageNode)}
    if not found:
        raise ConfigError(f"nothing to {verb}: {complaint}")
    return list(found.values())


def report_node(chains: dict[tuple[str, int], StageGraph], config: Config, name: str, command: str = "") -> StageNode:
    """Return the report over every run: its inputs are the evaluations and all artifacts behind them."""
    evaluations: dict[str, StageNode | PretrainedRef] = {f"evaluation:{row}:{seed}": chain.evaluation
                                                for (row, seed), chain in chains.items() if chain.evaluation}
    behind: dict[str, StageNode | PretrainedRef] = {}
    for node in upstream([e for e in evaluations.values() if isinstance(e, StageNode)]):
        behind[f"{node.kind}:{node.id}"] = node
        behind |= {f"{s.kind}:{s.fingerprint[:12]}": s for s in node.inputs.values()
                   if isinstance(s, PretrainedRef) and s.kind in ("language_model", "task_model")}
    rows = list(dict.fromkeys(row for row, _ in chains))
    if config.report.baseline and config.report.baseline not in rows:
        raise ConfigError(f"report.baseline: {unknown('row', config.report.baseline, rows)}")
    made = [node for node in {**behind, **evaluations}.values() if isinstance(node, StageNode)]
    names = {node.fingerprint: node.name for node in reversed(made)} | {"report": config.report.name}
    stage = stages.ReportStage(config.report, name, rows, names, command)
    return StageNode("report", config.report.name, stage, evaluations | behind, {})


def refuse_upstream(plan: Plan, overrides: list[str]) -> None:
    """Raise if something behind the targets is missing, with the commands that make it (``upstream=require``)."""
    verbs = {"prepare_corpus": "prepare", "prepare_dataset": "prepare", "evaluate": "eval"}
    lacking = [step.node for step in plan.missing if not step.target]
    if lacking:
        names = list(dict.fromkeys(verbs.get(node.stage, node.stage) for node in lacking))
        commands = "; ".join(shlex.join(["jpt", verb, *overrides]) for verb in names)
        raise ConfigError(f"upstream=require, but {len(lacking)} artifacts are missing; make them with: {commands}")
