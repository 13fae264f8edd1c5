"""Stage adapt: continue to train a language model on the domain, as pre-training does on the corpus."""

from __future__ import annotations

from jptransfer.pipeline.experiment import per_graph
from jptransfer.pipeline.graph import StageGraph, StageNode, once
from jptransfer.pipeline.rules import check_rules
from jptransfer.pipeline.rules.facts import has_language_model
from jptransfer.pipeline.stage import Stage
from jptransfer.stages.encode import plan_encoded_domain
from jptransfer.stages.pretrain import plan_language_model, plan_training, run


@once
def plan_adapted(graph: StageGraph) -> StageNode | None:
    """Plan the language model after training on the domain."""
    check_rules(graph.config, "adapted")
    encoded = plan_encoded_domain(graph)
    if not encoded or not has_language_model(graph.config):
        return None
    return plan_training(graph, "adapt", "adaptation", graph.config.adaptation, encoded, plan_language_model(graph))


STAGE = Stage(
    name="adapt", verb="adapt", kind="language_model", version=4, title="adaptation",
    help="continue to train a language model on the domain",
    plan=per_graph(lambda graph: [plan_adapted(graph)]), run=run,
    empty="no domain is chosen, for example domain=toy", goal=True)
