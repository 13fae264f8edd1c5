"""Stage adapt: continue to train a language model on the domain, as pre-training does on the corpus."""

from __future__ import annotations

from jptransfer.pipeline.experiment import per_graph
from jptransfer.pipeline.graph import Source, StageGraph, StageNode, once
from jptransfer.pipeline.references import find_given_model
from jptransfer.pipeline.rules import check_rules
from jptransfer.pipeline.rules.facts import has_language_model, names_model
from jptransfer.pipeline.stage import Stage
from jptransfer.registry import STAGES
from jptransfer.stages.encode import plan_encoded_domain
from jptransfer.stages.pretrain import plan_language_model, plan_training, run
from jptransfer.stages.tokenize import plan_domain_tokenizer, plan_tokenizer


@once
def plan_adapted(graph: StageGraph) -> StageNode | None:
    """Plan the language model after training on the domain."""
    check_rules(graph.config, "adapted")
    encoded = plan_encoded_domain(graph)
    if not encoded or not has_language_model(graph.config):
        return None
    return plan_training(graph, "adapt", "adaptation", graph.config.adaptation, encoded, plan_language_model(graph))


def _plan_language_model(graph: StageGraph) -> Source | None:
    if names_model(graph.config):
        return plan_adapted(graph) or find_given_model(graph)
    match graph.config.lm:
        case "auto":
            return plan_adapted(graph) or plan_language_model(graph)
        case "adapted":
            return plan_adapted(graph)
        case "pretrained":
            return plan_language_model(graph)
    return None


@once
def plan_start(graph: StageGraph) -> tuple[Source, Source | None]:
    """Plan the tokenizer and the language model that task models start from; no language model: from scratch."""
    start = _plan_language_model(graph)
    is_adapted = start is not None and start is plan_adapted(graph)
    return plan_domain_tokenizer(graph) if is_adapted else plan_tokenizer(graph), start


STAGE = Stage(
    name="adapt", verb="adapt", kind="language_model", version=4, title="adaptation",
    help="continue to train a language model on the domain",
    plan=per_graph(lambda graph: [plan_adapted(graph)]), run=run,
    empty="no domain is chosen, for example domain=toy", goal=True)
STAGES.add("adapt", f"{__name__}:STAGE", STAGE.help, after=("pretrain",))
