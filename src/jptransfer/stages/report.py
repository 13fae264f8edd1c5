"""Stage report: tables, figures and one HTML page from the evaluations and everything behind them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from jptransfer.files import json_text
from jptransfer.runtime import Runtime
from jptransfer.stages import Inputs, ReportStage, Summary

if TYPE_CHECKING:
    from jptransfer.report.contents import Report
    from jptransfer.report.tables import Table


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
