"""What a report says, before it is written in any format: results, figures, examples, lineage, statistics."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from jptransfer.config import ReportConfig
from jptransfer.report import curves, numbers
from jptransfer.report.drawing import Figure
from jptransfer.report.examples import Shown, disagreements, errors
from jptransfer.report.figures import (
    confusion_figure,
    finetuning_figure,
    lengths_figure,
    loss_figure,
    results_figure,
    scatter_figure,
)
from jptransfer.report.lineage import Graph, lineage
from jptransfer.report.results import Results, RowResult, gains
from jptransfer.report.sources import Sources
from jptransfer.report.statistics import facts, nested_tables
from jptransfer.report.summary import (
    cut_table,
    gains_table,
    label_table,
    metrics_table,
    residual_table,
    results_table,
    tests_table,
)
from jptransfer.report.tables import Table
from jptransfer.tasks.abilities import MarksSpans
from jptransfer.tasks.files import training_counts


@dataclass(frozen=True)
class Disagreement:
    """Where a row and the baseline differ: counts, and examples of both kinds."""

    row: str
    better: int
    worse: int
    examples_better: list[Shown]
    examples_worse: list[Shown]


@dataclass(frozen=True)
class Section:
    """Everything the page says about one data set."""

    results: Results
    table: Table
    metrics: Table
    tests: Table
    cut: Table | None
    labels: Table | None
    residuals: Table | None
    gains: Table | None
    errors: list[Shown]
    disagreement: Disagreement | None
    figures: dict[str, Figure]
    best: RowResult

    @property
    def entity_types(self) -> list[str]:
        """Types of the spans that are marked in examples; none for other tasks."""
        task = self.best.predictions[0].task
        return list(task.labels) if isinstance(task, MarksSpans) else []


@dataclass(frozen=True)
class Report:
    """The content of a report, before it is written in any format."""

    title: str
    name: str
    sections: list[Section]
    sources: Sources
    lineage: Graph
    statistics: dict[str, list[Table]]
    figures: dict[str, Figure] = field(default_factory=dict)
    command: str = ""

    @property
    def all_figures(self) -> list[Figure]:
        """Every figure once, in the order of the page."""
        of_sections = [figure for section in self.sections for figure in section.figures.values()]
        return of_sections + list(self.figures.values())


def assemble(sources: Sources, results: list[Results], config: ReportConfig, name: str, command: str = "") -> Report:
    """Gather what the report says; `command` is what makes it."""
    sections = [_section(sources, one, config, f"-{number}" if len(results) > 1 else "")
                for number, one in enumerate(results, 1)]
    figures = {figure.name: figure for figure in _corpus_figures(sources) if figure}
    return Report(config.title or name, name, sections, sources, lineage(sources, _notes(results)),
                  _statistics(sources), figures, command)


def _notes(results: list[Results]) -> dict[tuple[str, ...], str]:
    """Return the key numbers of each row's runs for the picture of the pipeline."""
    found: dict[tuple[str, ...], str] = {}
    for one in results:
        name, metric = one.metric.name, numbers.title(one.metric.name)
        for row in one.rows:
            within = numbers.interval(row.interval, name)
            found["evaluate", row.name] = f"{metric} {numbers.score(row.score.mean, name)} {within}".strip()
            if row.validation:
                found["finetune", row.name] = f"validation {metric} {numbers.score(row.validation.mean, name)}"
    return found


def _section(sources: Sources, results: Results, config: ReportConfig, suffix: str) -> Section:
    best = results.best
    epochs, metric = curves.validation_curves(sources, results)
    figures = {
        "results": results_figure(results, f"results{suffix}"),
        "finetuning": finetuning_figure(epochs, metric, f"finetuning{suffix}"),
        "confusion": confusion_figure(results, best, f"confusion{suffix}"),
        "scatter": scatter_figure(results, best, f"scatter{suffix}"),
        "lengths": lengths_figure(curves.text_lengths(results), f"Lengths of the texts of {results.task}", "characters",
                                  f"lengths{suffix}")}
    return Section(
        results, results_table(results), metrics_table(results), tests_table(results),
        cut_table(results, {row.name: sources.task_model(row.runs[0]) for row in results.rows}),
        label_table(results, best), residual_table(results), _gains(results), errors(results, best, config.errors),
        _disagreement(results, config),
        {name: figure for name, figure in figures.items() if figure}, best)


def _compared(results: Results) -> RowResult | None:
    """Return the row to set beside the baseline: the best; where that is the baseline, the one that differs most."""
    others = [row for row in results.rows if row.comparison]
    if not others:
        return None
    return results.best if results.best.comparison else max(others, key=_distance)


def _gains(results: Results) -> Table | None:
    compared = _compared(results)
    training = training_counts(results.dataset.folder) if results.dataset else {}
    return gains_table(results, compared, training) if compared and results.best.labels else None


def _disagreement(results: Results, config: ReportConfig) -> Disagreement | None:
    compared = _compared(results)
    if not compared or not compared.comparison:
        return None
    return Disagreement(compared.name, *gains(compared.comparison),
                        *disagreements(results, compared, config.errors, config.seed))


def _distance(row: RowResult) -> float:
    return abs(row.comparison.difference) if row.comparison else 0.0


def _corpus_figures(sources: Sources) -> Iterator[Figure | None]:
    yield loss_figure(curves.loss_curves(sources))
    for one in sources.of_kind("encoded"):
        yield lengths_figure(curves.sentence_lengths(one), f"Lengths of the sentences of {one.manifest.name}", "tokens",
                             f"sentences-{one.manifest.id[:6]}")


def _statistics(sources: Sources) -> dict[str, list[Table]]:
    counted = (("Corpora", "corpus", "statistics.json"), ("Encoded corpora", "encoded", "encoded.json"),
               ("Data sets", "dataset", "statistics.json"))
    found = {title: [table for source in sources.of_kind(kind)
                     for table in nested_tables(source.manifest.name, source.json(file))]
             for title, kind, file in counted}
    for title, kind in (("Tokenizers", "tokenizer"), ("Language models", "language_model")):
        table = facts(title, sources.of_kind(kind))
        found[title] = [table] if table else []
    return {title: shown for title, shown in found.items() if shown}
