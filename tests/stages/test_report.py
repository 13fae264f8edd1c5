import json
import subprocess
import sys

import pytest

from jptransfer.report.tables import Table, markdown
from jptransfer.stages.report import ReportStage, run
from tests.report import fabricate
from tests.report.conftest import QUICK

pytestmark = pytest.mark.slow

FILES = {"report.html", "results.md", "results.csv", "results.tex", "results.json"}


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return fabricate.classification(tmp_path_factory.mktemp("store"), examples=30, seeds=(0, 1))


def report(store, out, runtime):
    out.mkdir(exist_ok=True)
    return run(ReportStage(QUICK, "fabricated", store.rows), store.inputs, out, runtime)


def contents(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_everything_is_written_the_same_bytes_in_any_folder_over_what_was_interrupted(store, tmp_path, runtime):
    from jptransfer.report.drawing import render

    summary = report(store, tmp_path / "a", runtime)
    render.cache_clear()
    (tmp_path / "b" / "figures").mkdir(parents=True)
    (tmp_path / "b" / "report.html").write_text("torn")
    assert report(store, tmp_path / "b", runtime) == summary
    first = contents(tmp_path / "a")
    assert first == contents(tmp_path / "b")
    figures = {name for name in first if name.startswith("figures/")}
    assert set(first) - figures == FILES
    assert {name.rsplit(".")[0] for name in figures if name.endswith("png")} == \
        {name.rsplit(".")[0] for name in figures if name.endswith("svg")}
    assert {"figures/results.png", "figures/confusion.svg", "figures/finetuning.svg"} <= figures
    assert str(tmp_path).encode() not in b"".join(first.values())


def test_the_summary_holds_the_table_for_the_terminal(store, tmp_path, runtime):
    summary = report(store, tmp_path / "out", runtime)
    table = Table.from_json(json.loads(json.dumps(summary.values, allow_nan=False))["results"][0])
    assert [row[0].text for row in table.rows] == store.rows
    assert markdown(table) in (tmp_path / "out" / "results.md").read_text(encoding="utf-8")
    assert summary.headline.startswith("accuracy on hotel-polarity: scratch ")
    assert all(row in summary.headline for row in store.rows)
    assert len(summary.values["verdicts"]) == 3


def test_printing_a_table_and_planning_a_report_load_nothing_heavy():
    code = ("import sys, jptransfer.stages.report, jptransfer.report.tables, jptransfer.report.sweep;"
            "heavy = {'numpy', 'matplotlib', 'jinja2', 'pyarrow', 'torch', 'rich', 'scipy', 'sklearn'};"
            "print(sorted({name.split('.')[0] for name in sys.modules} & heavy))")
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert shown.strip() == "[]"
