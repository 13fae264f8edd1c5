"""Layouts by hand: what is best, differences with their signs, failures, and every format that holds untrusted text."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from jptransfer.artifacts import Store
from jptransfer.config import ColumnConfig, RowConfig, ScaleConfig, SuiteConfig
from jptransfer.report.tables import latex, markdown
from jptransfer.suites import rendering
from jptransfer.suites.cells import Score
from jptransfer.suites.layouts import absolute, differences, gains
from jptransfer.suites.library import Suite
from jptransfer.suites.results import CellResult, SuiteResult


def result(layout="absolute", higher=False, **cells) -> SuiteResult:
    """A suite of one column; cells: row -> (paper_value, our share or a problem)."""
    rows = {row: RowConfig(title=f"行 <{row}>", paper_value={"a": value}) for row, (value, _) in cells.items()}
    config = SuiteConfig(title="表 & <b>", metric="accuracy" if higher else "error_rate", layout=layout,
                         figure="points", scales={"toy": ScaleConfig(note="note")}, rows=rows,
                         columns={"a": ColumnConfig(title="列")})
    made = {}
    for row, (paper_value, ours) in cells.items():
        score = None if isinstance(ours, str) else Score(ours, (ours, ours), (ours - 0.01, ours + 0.01),
                                                         config.metric, higher)
        made[row, "a"] = CellResult(row, "a", paper_value, score, ours if score is None else "", (), ("lm=none",))
    return SuiteResult(Suite("paper/table", config), "toy", made, Store(Path()))


def column(table, key):
    index = [one.key for one in table.columns].index(f"a_{key}")
    return [row[index] for row in table.rows]


def test_absolute_by_hand():
    table = absolute(result(x=(10.0, 0.125), y=(8.42, 0.1), z=(9.0, "the file is missing")))
    assert [cell.text for cell in column(table, "paper")] == ["10.00", "8.42", "9.00"]
    assert [cell.text for cell in column(table, "ours")] == ["12.50", "10.00", "failed"]
    assert [cell.text for cell in column(table, "interval")] == ["[11.50, 13.50]", "[9.00, 11.00]", "–"]
    assert [cell.text for cell in column(table, "difference")] == ["+2.50", "+1.58", "–"]
    assert [cell.text for cell in column(table, "runs")] == ["2", "2", "–"]
    assert column(table, "ours")[2].mark == "[a]" and table.notes == ["[a] the file is missing"]


@pytest.mark.parametrize(("higher", "best"), [(False, [False, True, False]), (True, [True, False, False])])
def test_best_in_bold_goes_by_the_metric(higher, best):
    table = absolute(result(higher=higher, x=(10.0, 0.125), y=(8.42, 0.1), z=(9.0, 0.11)))
    assert [cell.bold for cell in column(table, "paper")] == best
    assert [cell.bold for cell in column(table, "ours")] == best


def test_equal_scores_are_both_best():
    assert [cell.bold for cell in column(absolute(result(x=(1.0, 0.1), y=(1.0, 0.1))), "ours")] == [True, True]


def compared(p_value, better=True) -> SimpleNamespace:
    """What a layout reads of a comparison."""
    return SimpleNamespace(p_value=p_value, significant=p_value < 0.05, b_is_better=better)


def test_differences_by_hand(monkeypatch):
    found = {"y": compared(0.01), "z": compared(0.3)}
    monkeypatch.setattr("jptransfer.suites.layouts.comparison_of", lambda result, base, other: found[other[0]])
    table = differences(result(higher=True, x=(65.5, 0.7), y=(69.36, 0.74), z=(64.0, 0.69)))
    assert [cell.text for cell in column(table, "paper")] == ["65.50", "+3.86", "−1.50"]
    assert [cell.text + cell.mark for cell in column(table, "ours")] == ["70.00", "+4.00↑", "−1.00"]
    assert [cell.text for cell in column(table, "p")] == ["–", ".010", ".300"]
    assert [cell.bold for cell in column(table, "ours")] == [False, True, False]


def gained(ours, paper_value=(65.5, 69.36)) -> SuiteResult:
    """A row of two columns: without and with, our shares and what the paper has."""
    names = ["without", "with"]
    config = SuiteConfig(metric="entity_f1", layout="gains", scales={"toy": ScaleConfig()},
                         rows={"x": RowConfig(paper_value=dict(zip(names, paper_value, strict=False)))},
                         columns={name: ColumnConfig() for name in names})
    scores = [None if share is None else Score(share, (share,), None, "entity_f1", True) for share in ours]
    cells = {("x", name): CellResult("x", name, config.rows["x"].paper_value.get(name), score, overrides=("lm=none",))
             for name, score in zip(names, scores, strict=True)}
    return SuiteResult(Suite("paper/table", config), "toy", cells, Store(Path()))


@pytest.mark.parametrize(("ours", "texts"), [
    ((0.8, 0.9), ["80.00", "1", "69.36", "90.00↑", "1", "+5.89", "+12.50", ".010"]),
    ((0.8, 0.6), ["80.00", "1", "69.36", "60.00↓", "1", "+5.89", "−25.00", ".010"]),
    ((0.0, 0.6), ["0.00", "1", "69.36", "60.00↑", "1", "+5.89", ".010"])])
def test_gains_by_hand(monkeypatch, ours, texts):
    found = compared(0.01, ours[1] > ours[0])
    monkeypatch.setattr("jptransfer.suites.layouts.comparison_of", lambda result, base, other: found)
    table = gains(gained(ours))
    assert [cell.text + cell.mark for cell in table.rows[0]] == ["x", "65.50", *texts]
    assert [cell.bold for cell in table.rows[0]][2] == (ours[0] > ours[1]) != table.rows[0][5].bold


def test_gains_of_the_paper_alone():
    table = gains(gained((None, None), (50.48, 54.22)))
    assert [cell.text for cell in table.rows[0]] == ["x", "50.48", "54.22", "+7.41"]


def test_a_difference_of_zero_has_no_sign():
    table = absolute(result(x=(10.0, 0.100001), y=(20.0, 0.1)))
    assert column(table, "difference")[0].text == "0.00"


def test_every_format_escapes_what_it_must(tmp_path: Path):
    made = rendering.section(result(x=(10.0, 0.125), y=(8.42, "<script>alert(1)</script> 100%_")))
    page = rendering.write(made, tmp_path).read_text(encoding="utf-8")
    assert "<script" not in page
    assert "&lt;script&gt;" in page and "行 &lt;x&gt;" in page and "http" not in page.replace(
        "http://www.w3.org", "")
    assert r"100\%\_" in latex(made.table) and "表 \\&" in latex(made.table)
    assert "&lt;x>" in markdown(made.table)
    assert {path.name for path in tmp_path.iterdir()} == {
        "table.md", "table.csv", "table.tex", "table.json", "page.html", "figure.png", "figure.svg"}


def test_rows_that_were_not_asked_for_and_report_nothing_are_left_out():
    found = result(x=(10.0, 0.125), y=(8.42, 0.1))
    found.cells["y", "a"] = CellResult("y", "a", None)
    found.suite.config.rows["y"].paper_value = {}
    assert list(found.rows) == ["x"]
