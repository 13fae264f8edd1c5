"""Stage report: tables, figures and one HTML page from the evaluations and everything behind them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from jptransfer.config import ReportConfig
from jptransfer.config.fields import setting
from jptransfer.errors import ConfigError, unknown
from jptransfer.files import json_text
from jptransfer.pipeline.experiment import Experiment
from jptransfer.pipeline.graph import PretrainedRef, Source, StageNode, upstream
from jptransfer.pipeline.rules import check_rules
from jptransfer.pipeline.stage import Inputs, Stage, Summary
from jptransfer.registry import STAGES
from jptransfer.runtime import Runtime
from jptransfer.stages.evaluate import plan_evaluation

if TYPE_CHECKING:
    from jptransfer.report.contents import Report
    from jptransfer.report.tables import Table


@dataclass
class ReportStage:
    """inputs: `evaluation:<row>:<seed>` for every run, and `<kind>:<12 hex>` for every artifact behind them.

    `names`: fingerprint -> what the run that asks calls an artifact, whoever made it; `command`: what makes the report.
    """

    report: ReportConfig
    name: str
    rows: list[str]
    names: dict[str, str] = setting(factory=dict)
    command: str = setting("", label=True)


def plan_report(experiment: Experiment) -> list[Source]:
    """Plan the report over every run: its inputs are the evaluations and all artifacts behind them.

    There is none unless every run has a task.
    """
    graphs = list(experiment.graphs.values())
    if not all(graph.config.task.dataset for graph in graphs):
        return []
    for graph in graphs:
        check_rules(graph.config, "report")
    evaluations = {f"evaluation:{row}:{seed}": node for (row, seed), graph in experiment.graphs.items()
                   if (node := plan_evaluation(graph))}
    behind: dict[str, Source] = {}
    for node in upstream(evaluations.values()):
        behind[f"{node.kind}:{node.id}"] = node
        behind |= {f"{one.kind}:{one.fingerprint[:12]}": one for one in node.inputs.values()
                   if isinstance(one, PretrainedRef) and one.kind in ("language_model", "task_model")}
    config, rows = graphs[0].config.report, list(dict.fromkeys(row for row, _ in experiment.graphs))
    if config.baseline and config.baseline not in rows:
        raise ConfigError(f"report.baseline: {unknown('row', config.baseline, rows)}")
    made = [node for node in {**behind, **evaluations}.values() if isinstance(node, StageNode)]
    names = {node.fingerprint: node.name for node in reversed(made)} | {"report": config.name}
    stage = ReportStage(config, experiment.name, rows, names, experiment.command)
    return [StageNode("report", config.name, stage, evaluations | behind, {})]


def run(config: ReportStage, inputs: Inputs, out: Path, runtime: Runtime) -> Summary:
    """Compare the rows and write what was found in every format.

    Raises:
        ConfigError: the baseline is no row, a metric does not fit the task, or runs cannot be paired.
    """
    from jptransfer.report import drawing, page
    from jptransfer.report.contents import assemble
    from jptransfer.report.results import collect
    from jptransfer.report.sources import Sources

    sources = Sources.read(inputs, config.rows, config.names)
    with runtime.progress.bar("compare rows"):
        results = collect(sources, config.report)
        report = assemble(sources, results, config.report, config.name, config.command)
    (out / "figures").mkdir(exist_ok=True)
    for figure in runtime.track(report.all_figures, "figures", len(report.all_figures)):
        drawing.save(figure, out / "figures")
    (out / "report.html").write_text(page.html(report), encoding="utf-8")
    write_tables(report, out)
    verdicts = [one.verdict(row) for one in results for row in one.rows]
    values = {"results": [section.table.to_json() for section in report.sections], "verdicts": verdicts}
    return Summary(_headline(report), values)


def write_tables(report: Report, out: Path) -> None:
    """Write ``results.md``, ``.csv``, ``.tex`` and ``.json``."""
    from jptransfer.report import tables
    from jptransfer.report.results import to_json

    shown = [section.table for section in report.sections]
    everything: list[Table] = [table for section in report.sections
                               for table in (section.table, section.tests, section.metrics) if table.rows]
    verdicts = [f"- {section.results.verdict(row)}" for section in report.sections for row in section.results.rows]
    files = {
        "results.md": "\n".join([f"# {report.title}\n", *verdicts, "", tables.document(everything)]),
        "results.csv": "\n".join(tables.csv_text(table) for table in shown),
        "results.tex": "\n".join(tables.latex(table) for table in everything),
        "results.json": json_text([to_json(section.results) for section in report.sections], indent=1) + "\n",
    }
    for name, text in files.items():
        (out / name).write_text(text, encoding="utf-8")


def _headline(report: Report) -> str:
    """Say each row's score, with the sign of a significant difference."""
    parts = []
    for section in report.sections:
        index = [column.key for column in section.table.columns].index(section.results.metric.name)
        signs = {row.name: _sign(section.table, number) for number, row in enumerate(section.results.rows)}
        scores = [f"{cells[0].text} {cells[index].text}{signs[cells[0].text]}" for cells in section.table.rows]
        parts.append(f"{section.results.metric.name} on {section.results.task}: {', '.join(scores)}")
    return "; ".join(parts)


def _sign(table: Table, row: int) -> str:
    return next((cell.mark for cell in table.rows[row] if cell.mark), "")


STAGE = Stage(
    name="report", verb="report", kind="report", version=3, title="report",
    help="write tables, figures and one HTML page", plan=plan_report, run=run,
    empty="no task is chosen, for example task=toy_sentiment", goal=True)
STAGES.add("report", f"{__name__}:STAGE", STAGE.help, after=("evaluate",))
