"""The pipeline: from configurations to targets, from targets to a plan, from a plan to artifacts.

Looking up, locking, resuming, publishing and lineage are done here, once, for all stages.
"""

from jptransfer.pipeline.build import build, build_past_failures
from jptransfer.pipeline.experiment import Experiment, Run, refuse_upstream, targets
from jptransfer.pipeline.external_inputs import MissingFileError, MissingFiles
from jptransfer.pipeline.graph import Compose, PretrainedRef, StageGraph, StageNode, drop_overrides, upstream
from jptransfer.pipeline.planning import Plan, PlannedStage, State, make_plan, reason, remarks
from jptransfer.pipeline.rules.facts import LM_WORDS

__all__ = ["LM_WORDS", "Compose", "Experiment", "MissingFileError", "MissingFiles", "Plan", "PlannedStage",
           "PretrainedRef", "Run", "StageGraph", "StageNode", "State", "build", "build_past_failures",
           "drop_overrides", "make_plan", "reason", "refuse_upstream", "remarks", "targets", "upstream"]
