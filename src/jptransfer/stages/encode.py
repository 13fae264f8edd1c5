"""Stage encode: a corpus becomes memory-mapped token ids."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from jptransfer.config import EncodingConfig
from jptransfer.errors import DataError
from jptransfer.pipeline.experiment import per_graph
from jptransfer.pipeline.graph import Source, StageGraph, StageNode, once
from jptransfer.pipeline.stage import WORK, Inputs, Stage, Summary
from jptransfer.registry import STAGES
from jptransfer.runtime import Runtime
from jptransfer.stages.prepare_corpus import plan_corpus, plan_domain
from jptransfer.stages.tokenize import plan_domain_tokenizer, plan_tokenizer


@dataclass
class EncodeStage:
    """inputs: `corpus`, `tokenizer`."""

    encoding: EncodingConfig


@once
def plan_encoded(graph: StageGraph) -> StageNode | None:
    """Plan the token ids of the corpus."""
    corpus = plan_corpus(graph)
    return _plan(graph, corpus, plan_tokenizer(graph)) if corpus else None


@once
def plan_encoded_domain(graph: StageGraph) -> StageNode | None:
    """Plan the token ids of the domain."""
    domain = plan_domain(graph)
    return _plan(graph, domain, plan_domain_tokenizer(graph)) if domain else None


def _plan(graph: StageGraph, corpus: StageNode, tokenizer: Source) -> StageNode:
    return graph.node("encode", "encoding", corpus.name, EncodeStage(graph.config.encoding),
                      {"corpus": corpus, "tokenizer": tokenizer})


def run(config: EncodeStage, inputs: Inputs, out: Path, runtime: Runtime) -> Summary:
    """Encode every split of the corpus (docs/FORMATS.md, `encoded`)."""
    from jptransfer.text.base import write_json
    from jptransfer.text.cuts import Cut
    from jptransfer.text.encode import encode_file
    from jptransfer.text.encoded import DESCRIPTION
    from jptransfer.text.tokenizers import load_tokenizer
    from jptransfer.text.truncation import report_cuts

    limit = config.encoding.max_sentence_tokens
    texts = {path.stem: path for path in sorted(inputs["corpus"].glob("*.txt"))}
    if not texts:
        raise DataError(f"{inputs['corpus']} holds no corpus: no train.txt, validation.txt or test.txt")
    splits = {split: encode_file(text, inputs["tokenizer"], out, split, limit, out / WORK, runtime).describe()
              for split, text in texts.items()}
    values = {"vocab_size": load_tokenizer(inputs["tokenizer"]).vocab_size, "splits": splits}
    write_json(out / DESCRIPTION, values)
    names = ("words_cut", "characters_cut")
    report_cuts({split: Cut(**{name: int(found[name]) for name in names}) for split, found in splits.items()}, runtime)
    tokens = sum(split["tokens"] for split in splits.values())
    sentences = sum(split["sentences"] for split in splits.values())
    return Summary(f"{tokens:,} tokens in {sentences:,} sentences", values)


STAGE = Stage(
    name="encode", verb="encode", kind="encoded", version=2, title="encoded corpus",
    help="turn a corpus into memory-mapped token ids",
    plan=per_graph(lambda graph: [plan_encoded(graph), plan_encoded_domain(graph)]), run=run,
    empty="no corpus or domain is chosen, for example corpus=toy")
STAGES.add("encode", f"{__name__}:STAGE", STAGE.help, after=("tokenize",))
