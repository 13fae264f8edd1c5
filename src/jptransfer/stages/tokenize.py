"""Stage tokenize: train a tokenizer on a corpus, or fetch one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from jptransfer.config import CorpusRole, TokenizerConfig, VocabularyPolicy
from jptransfer.pipeline.experiment import per_graph
from jptransfer.pipeline.graph import Source, StageGraph, once
from jptransfer.pipeline.references import find_given_model
from jptransfer.pipeline.rules import check_rules
from jptransfer.pipeline.rules.facts import is_trained
from jptransfer.pipeline.stage import Inputs, Stage, Summary
from jptransfer.registry import STAGES, TOKENIZERS
from jptransfer.runtime import Runtime
from jptransfer.stages.prepare_corpus import plan_corpus, plan_domain

if TYPE_CHECKING:
    from jptransfer.text.types import Tokenizer

DEV_SENTENCES = 10_000
"""Sentences of the validation split that the summary's rates come from."""


@dataclass
class TokenizeStage:
    """inputs: `corpus` (absent for a pretrained tokenizer and for bytes)."""

    tokenizer: TokenizerConfig


@once
def plan_tokenizer(graph: StageGraph) -> Source:
    """Plan the tokenizer: trained, fetched, or that of the model that training starts from."""
    check_rules(graph.config, "tokenizer")
    given, config = find_given_model(graph), graph.config.tokenizer
    if given and given.is_local:
        return given
    if given and not (config.source and TOKENIZERS.entries[config.kind].source):
        config = TokenizerConfig("pretrained", kind="pretrained", source=given.location)
    corpus = plan_corpus(graph) if config.corpus is CorpusRole.corpus else plan_domain(graph)
    inputs: dict[str, Source] = {"corpus": corpus} if corpus and is_trained(config) else {}
    return graph.node("tokenize", "tokenizer", config.name, TokenizeStage(config), inputs)


@once
def plan_domain_tokenizer(graph: StageGraph) -> Source:
    """Plan the tokenizer of the adapted model: trained on the domain where the vocabulary is migrated."""
    check_rules(graph.config, "domain_tokenizer")
    domain = plan_domain(graph)
    if graph.config.adaptation.vocabulary is VocabularyPolicy.keep or not domain:
        return plan_tokenizer(graph)
    config = replace(graph.config.tokenizer, corpus=CorpusRole.domain)
    return graph.node("tokenize", "tokenizer", config.name, TokenizeStage(config), {"corpus": domain})


def run(config: TokenizeStage, inputs: Inputs, out: Path, runtime: Runtime) -> Summary:
    """Train (or fetch) the tokenizer and measure it on the corpus' validation split."""
    from jptransfer.text.tokenizers import train_tokenizer

    corpus = inputs.get("corpus")
    sentences = _sentences(corpus / "train.txt") if corpus else iter(())
    tokenizer = train_tokenizer(config.tokenizer, runtime.track(sentences, "read corpus"))
    tokenizer.save(out)
    values = {"vocab_size": tokenizer.vocab_size} | (measure(tokenizer, corpus) if corpus else {})
    rates = f", {values['characters_per_token']:.2f} characters a token, {values['unknown_rate']:.2%} unknown" \
        if "unknown_rate" in values else ""
    return Summary(f"{config.tokenizer.kind}, {tokenizer.vocab_size:,} units{rates}", values)


def measure(tokenizer: Tokenizer, corpus: Path) -> dict[str, float]:
    """Return unknown rate and characters per token on held-out text (the training split where there is none)."""
    import numpy as np

    for split in ("validation", "train"):
        path = corpus / f"{split}.txt"
        lines = list(islice(_sentences(path), DEV_SENTENCES)) if path.is_file() else []
        ids = tokenizer.encode_lines(lines).ids
        if len(ids):
            return {"unknown_rate": float(np.mean(ids == tokenizer.unk_id)),
                    "characters_per_token": sum(map(len, lines)) / len(ids)}
    return {}


def _sentences(path: Path) -> Iterator[str]:
    with path.open(encoding="utf-8", newline="\n") as stream:
        for line in stream:
            if text := line.rstrip("\n"):
                yield text


STAGE = Stage(
    name="tokenize", verb="tokenize", kind="tokenizer", version=2, title="tokenizer",
    help="train a tokenizer, or fetch one",
    plan=per_graph(lambda graph: [plan_tokenizer(graph), plan_domain_tokenizer(graph)]), run=run,
    empty="the tokenizer of the given model is used")
STAGES.add("tokenize", f"{__name__}:STAGE", STAGE.help, after=("prepare_corpus",))
