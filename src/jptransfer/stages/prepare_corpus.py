"""Stage `prepare_corpus`: official files become clean, distinct, split running text."""

from __future__ import annotations

from collections import Counter
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from jptransfer.config import CorpusConfig, SourceConfig
from jptransfer.errors import ConfigError, unknown
from jptransfer.files import json_text
from jptransfer.pipeline.experiment import per_graph
from jptransfer.pipeline.graph import Source, StageGraph, StageNode, once
from jptransfer.pipeline.rules import check_rules
from jptransfer.pipeline.stage import WORK, Inputs, Stage, Summary
from jptransfer.registry import SOURCES, STAGES
from jptransfer.runtime import Runtime
from jptransfer.stages.prepare_dataset import plan_dataset

if TYPE_CHECKING:
    from jptransfer.corpora.store import CorpusStore


@dataclass
class PrepareCorpusStage:
    """inputs: none (sources are external), or `dataset` where a source is the task's."""

    corpus: CorpusConfig


@once
def plan_corpus(graph: StageGraph) -> StageNode | None:
    """Plan the text to pre-train on."""
    if not graph.config.corpus.sources:
        return None
    check_rules(graph.config, "corpus")
    return _plan(graph, "corpus", graph.config.corpus)


@once
def plan_domain(graph: StageGraph) -> StageNode | None:
    """Plan the text to adapt to."""
    if not graph.config.domain.sources:
        return None
    check_rules(graph.config, "domain")
    return _plan(graph, "domain", graph.config.domain)


def _plan(graph: StageGraph, section: str, corpus: CorpusConfig) -> StageNode:
    sources = [*corpus.sources.values(), *corpus.exclude.values()]
    reads_task = any("dataset" in SOURCES.entries[source.format].needs for source in sources)
    dataset = plan_dataset(graph) if reads_task else None
    inputs: dict[str, Source] = {"dataset": dataset} if dataset else {}
    return graph.node("prepare_corpus", section, corpus.name, PrepareCorpusStage(corpus), inputs)


def run(config: PrepareCorpusStage, inputs: Inputs, out: Path, runtime: Runtime) -> Summary:
    """Write the `corpus` artifact of docs/FORMATS.md.

    Each source is read and cleaned once, into a spool below ``.work`` (a restart goes on with the first source that
    was not finished); then documents are compared, sampled and split, and copied out.

    Raises:
        DataError: input that cannot be read (with ``on_error: stop``), or of which nothing is left.
    """
    from jptransfer.corpora.error_policy import LOUD
    from jptransfer.corpora.store import CorpusStore

    library = CorpusStore.collected(_located(config.corpus, inputs), out / WORK, runtime)
    library.drop_duplicates(runtime)
    library.sample()
    splits = write_splits(library, out, runtime)
    statistics = {"splits": splits, "sources": library.describe()}
    text = json_text(statistics, indent=1)
    (out / "statistics.json").write_text(text + "\n", encoding="utf-8")
    counts = ", ".join(f"{name} {count['sentences']:,}" for name, count in splits.items())
    dropped = sum(facts["exact_duplicates"] + facts["near_duplicates"] for facts in statistics["sources"].values())
    documents = sum(count["documents"] for count in splits.values())
    skipped = sum((Counter(facts["skipped"]) for facts in statistics["sources"].values()), Counter())
    for name, facts in statistics["sources"].items():
        lost, read = sum(facts["skipped"].values()), facts["read"].get("documents", 0)
        if lost > LOUD * read:
            kinds = ", ".join(f"{count:,} {kind}" for kind, count in sorted(facts["skipped"].items()))
            runtime.progress.log(f"warning: source {name}: {kinds} skipped, beside {read:,} documents read; the first: "
                                 f"{next(iter(facts['skipped_first'].values()), 'unknown')}")
    tail = "".join(f"; skipped: {kind} {count:,}" for kind, count in sorted(skipped.items()))
    return Summary(f"{documents:,} documents ({dropped:,} repeated ones dropped); sentences: {counts}{tail}",
                   statistics)


def _located(corpus: CorpusConfig, inputs: Inputs) -> CorpusConfig:
    """Return the configuration with the places of sources that another stage made."""
    from jptransfer.tasks.files import dataset_splits
    from jptransfer.tasks.splits import read_roles

    def located(table: str, name: str, source: SourceConfig) -> SourceConfig:
        if not SOURCES.entries[source.format].needs:
            return source
        roles, splits = read_roles(inputs["dataset"]), dataset_splits(inputs["dataset"])
        split = source.split or (roles.fit if table == "sources" else roles.final)
        if table == "sources" and split != roles.fit:
            raise ConfigError(f"corpus.{table}.{name}.split: only the training split of a task is a source of text "
                              f"('{roles.fit}', task.roles.fit)")
        if split not in splits:
            raise ConfigError(f"corpus.{table}.{name}.split: {unknown('split', split, splits)}")
        return replace(source, path=str(inputs["dataset"] / f"{split}.parquet"))

    sources, exclude = ({name: located(table, name, source) for name, source in getattr(corpus, table).items()}
                        for table in ("sources", "exclude"))
    return replace(corpus, sources=sources, exclude=exclude)


def write_splits(library: CorpusStore, out: Path, runtime: Runtime) -> dict[str, dict[str, int]]:
    """Write ``<split>.txt`` and return the documents, sentences, characters and bytes of each split."""
    from jptransfer.corpora.store import DocumentStatus, measure

    counts: dict[DocumentStatus, Counter[str]] = {split: Counter() for split in library.split()}
    with ExitStack() as stack:
        bar = stack.enter_context(runtime.progress.bar("write", len(library.statuses)))
        files = {split: stack.enter_context((out / f"{split.name}.txt").open("wb")) for split in counts}
        for block, statuses in library.blocks():
            documents = list(block.documents())
            for split, file in files.items():
                chosen = statuses == split
                counts[split] += measure(block.records[chosen])
                file.write(b"".join(documents[number] for number in chosen.nonzero()[0].tolist()))
            bar.update(len(documents))
    return {split.name: dict(count) for split, count in counts.items()}


STAGE = Stage(
    name="prepare_corpus", verb="prepare", kind="corpus", version=2, title="corpus",
    help="clean, de-duplicate and split corpora",
    plan=per_graph(lambda graph: [plan_corpus(graph), plan_domain(graph)]), run=run,
    empty="no corpus or domain is chosen, for example corpus=toy")
STAGES.add("prepare_corpus", f"{__name__}:STAGE", STAGE.help, after=())
