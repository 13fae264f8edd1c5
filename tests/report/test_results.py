import json
from dataclasses import replace
from statistics import fmean, stdev

import pytest

from jptransfer.config import ReportConfig
from jptransfer.errors import ConfigError
from jptransfer.evaluation.compare import compare
from jptransfer.report import summary
from jptransfer.report.results import collect, gains, to_json
from jptransfer.report.sources import Sources
from tests.report import fabricate
from tests.report.conftest import QUICK, made


def test_scores_are_the_shares_of_right_answers(polarity):
    results = polarity.results[0]
    for row in results.rows:
        shares = [sum(one.gold == one.predicted for one in run.rows) / len(run.rows) for run in row.predictions]
        assert row.score.values == pytest.approx(shares)
        assert row.score.mean == pytest.approx(fmean(shares)) and row.score.std == pytest.approx(stdev(shares))
        assert row.interval[0] < row.score.mean < row.interval[1]
    assert [row.name for row in results.rows] == ["scratch", "lm", "adapted"]
    assert results.best.name == "adapted" and results.examples == 120


def test_rows_are_compared_with_the_baseline_as_jpt_compare_does(polarity):
    results = polarity.results[0]
    base, best = ([run.evaluation.folder for run in row.runs] for row in (results.base, results.best))
    expected = compare(base, best, "test", "accuracy", QUICK.trials, QUICK.bootstrap, QUICK.confidence, QUICK.seed)
    assert results.base.comparison is None
    assert results.best.comparison.p_value == expected.p_value
    assert results.best.comparison.interval == expected.interval


def test_a_verdict_in_a_sentence(polarity):
    results = polarity.results[0]
    assert results.verdict(results.base).startswith("scratch: ")
    found = results.best.comparison
    low, high = (f"{100 * limit:.1f}" for limit in found.interval)
    assert results.verdict(results.best) == (
        f"adapted beats scratch by {100 * found.difference:.1f} points [{low}, {high}], p = .005; 3 seeds "
        f"({100 * min(found.b.values):.1f} to {100 * max(found.b.values):.1f}).")


def test_a_collapsed_seed_is_in_the_first_box_and_no_difference_is_claimed(tmp_path):
    store = fabricate.classification(tmp_path, collapsed=("adapted", 1))
    results = collect(Sources.read(store.inputs, store.rows), QUICK)[0]
    row = next(row for row in results.rows if row.name == "adapted")
    assert row.collapsed == [f"seed 1 predicts only '{fabricate.LABELS[0]}'"]
    said = results.verdict(row)
    assert "does not differ from scratch significantly" in said and "3 seeds (33.3 to " in said
    assert said.endswith(f"Seed 1 predicts only '{fabricate.LABELS[0]}'.")
    table = summary.results_table(results)
    assert [cells[1].text for cells in table.rows] == ["3", "3", "3 (1 collapsed)"]
    assert "one answer to every example" in table.caption and "over examples and seeds" in table.caption


def test_without_intervals_no_difference_of_several_seeds_is_claimed(tmp_path):
    store = fabricate.classification(tmp_path, collapsed=("adapted", 1))
    results = collect(Sources.read(store.inputs, store.rows), replace(QUICK, bootstrap=0))[0]
    row = next(row for row in results.rows if row.name == "adapted")
    assert row.comparison.p_value < 0.05
    assert "does not differ from scratch significantly" in results.verdict(row)
    assert "without an interval (bootstrap=0)" in results.verdict(row)
    assert "which report.bootstrap=0 leaves out" in summary.results_table(results).caption


def test_a_verdict_turns_the_interval_of_a_worse_row(polarity):
    results = collect(polarity.sources, replace(QUICK, baseline="adapted"))[0]
    row = results.rows[0]
    low, high = (f"{-100 * limit:.1f}" for limit in reversed(row.comparison.interval))
    assert row.comparison.difference < 0
    size = f"{-100 * row.comparison.difference:.1f}"
    assert f"scratch falls behind adapted by {size} points [{low}, {high}]" in results.verdict(row)


def test_a_verdict_when_lower_is_better(polarity):
    results = collect(polarity.sources, replace(QUICK, metric="error_rate"))[0]
    assert results.best.name == "adapted"
    assert results.verdict(results.best).startswith("adapted beats scratch by ")
    assert "lower is better" in summary.results_table(results).caption


def test_no_difference_is_called_none(tmp_path):
    store = fabricate.classification(tmp_path, examples=20, seeds=(0,))
    store.inputs["evaluation:lm:0"] = store.inputs["evaluation:scratch:0"]
    results = collect(Sources.read(store.inputs, store.rows), QUICK)[0]
    row = results.rows[1]
    assert not results.significant(row)
    assert results.verdict(row).startswith("lm does not differ from scratch significantly: 0.0 points")


def test_one_run_stands_beside_several_seeds_and_missing_seeds_are_left_out(tmp_path):
    store = fabricate.classification(tmp_path, examples=20)
    del store.inputs["evaluation:lm:1"], store.inputs["evaluation:lm:2"], store.inputs["evaluation:adapted:0"]
    rows = collect(Sources.read(store.inputs, store.rows), QUICK)[0].rows
    assert [len(row.runs) for row in rows] == [3, 1, 2]
    assert len(rows[1].comparison.a.values) == 3 and len(rows[1].comparison.b.values) == 1
    assert len(rows[2].comparison.a.values) == len(rows[2].comparison.b.values) == 2


def test_rows_on_other_data_are_not_compared(tmp_path):
    store = fabricate.classification(tmp_path, examples=20, seeds=(0,))
    scratch = store.rows[:]
    fabricate.entities(tmp_path, examples=9, seeds=(7,), store=store)
    found = made(store)
    assert store.rows == scratch
    assert [results.task for results in found.results] == ["hotel-polarity", "wiki-entities"]
    assert [results.metric.name for results in found.results] == ["accuracy", "entity_f1"]
    assert len({figure.name for figure in found.report.all_figures}) == len(found.report.all_figures)


def test_an_unknown_baseline_names_the_nearest_row(polarity):
    with pytest.raises(ConfigError, match="report.baseline: unknown row 'scrach' .did you mean 'scratch'"):
        collect(polarity.sources, ReportConfig(baseline="scrach"))


def test_a_report_of_nothing():
    with pytest.raises(ConfigError, match="at least one evaluation"):
        Sources.read({}, [])


def test_row_names_may_hold_colons(tmp_path):
    store = fabricate.classification(tmp_path, examples=10, seeds=(3,))
    inputs = {"evaluation:n:100:3": store.inputs["evaluation:lm:3"], **{k: v for k, v in store.inputs.items()
                                                                        if k.count(":") == 1}}
    run = Sources.read(inputs, ["n:100"]).runs[0]
    assert (run.row, run.seed) == ("n:100", 3)


def test_the_main_table(polarity):
    results = polarity.results[0]
    table = summary.results_table(results)
    assert [column.key for column in table.columns] == ["row", "runs", "accuracy", "interval", "sd", "trimmed",
                                                        "validation", "difference", "p"]
    best = table.rows[2]
    assert [cell.bold for cell in best[:3]] == [True, False, True] and best[7].mark == "↑"
    assert best[7].values["low"] == results.best.comparison.interval[0]
    assert "p < .05" in table.caption


def test_a_single_run_has_no_spread_and_nothing_to_compare(tmp_path):
    store = fabricate.classification(tmp_path, examples=10, seeds=(0,))
    inputs = {role: path for role, path in store.inputs.items() if role.count(":") == 1 or "scratch" in role}
    found = made(replace_inputs(store, inputs))
    table = summary.results_table(found.results[0])
    assert [column.key for column in table.columns] == ["row", "runs", "accuracy", "interval", "validation"]
    assert not summary.tests_table(found.results[0]).rows
    assert found.report.sections[0].disagreement is None


def replace_inputs(store, inputs):
    other = fabricate.Store(store.root)
    other.inputs, other.rows = inputs, ["scratch"]
    return other


def test_tests_and_labels(polarity, entities):
    table = summary.tests_table(polarity.results[0])
    assert [row[0].text for row in table.rows] == ["lm – scratch", "adapted – scratch"]
    better, worse = gains(polarity.results[0].best.comparison)
    assert [cell.value for cell in table.rows[-1][3:]] == [better, worse]
    labels = summary.label_table(entities.results[0], entities.results[0].best)
    assert [row[0].text for row in labels.rows] == fabricate.TYPES
    assert {row[4].value for row in labels.rows} == {24}


def test_gains_by_label(entities):
    results = entities.results[0]
    row = next(row for row in results.rows if row.name == "adapted")
    table = summary.gains_table(results, row, {"人名": 30, "地名": 30})
    base = summary.label_table(results, results.base)
    best = summary.label_table(results, row)
    assert [line[0].text for line in table.rows] == fabricate.TYPES
    assert [line[1].value for line in table.rows] == [30, 30, None]
    for line, one, two in zip(table.rows, base.rows, best.rows, strict=True):
        assert [line[2].value, line[3].value, line[4].value] == pytest.approx(
            [one[4].value, one[3].value, two[3].value])
        assert line[5].value == pytest.approx(two[3].value - one[3].value)
    shown = entities.report.sections[0].gains
    assert [[cell.text for cell in line] for line in shown.rows] == [[c.text for c in line] for line in table.rows]


def test_the_best_test_epoch_stands_beside_the_selected_one(entities):
    results = entities.results[0]
    name = "entity_f1 (best test epoch)"
    rows = [replace(row, metrics={**row.metrics, name: replace(row.score, mean=row.score.mean + 0.01)})
            for row in results.rows]
    with_best = replace(results, rows=rows)
    table = summary.results_table(with_best)
    keys = [column.key for column in table.columns]
    assert "oracle_epoch" in keys and "oracle_epoch" not in [c.key for c in summary.results_table(results).columns]
    assert [c.title for c in table.columns if c.key == "oracle_epoch"] == ["best test epoch"]
    for line, row in zip(table.rows, rows, strict=True):
        shown = {key: cell.value for key, cell in zip(keys, line, strict=True)}
        assert shown["oracle_epoch"] == pytest.approx(shown["entity_f1"] + 0.01) == row.score.mean + 0.01
    assert "Best test epoch: of the epoch that is best on this very split" in table.caption
    titles = [column.title for column in summary.metrics_table(with_best).columns]
    assert "Entity F1 (best test epoch)" in titles


def test_json_holds_everything(polarity):
    data = json.loads(json.dumps(to_json(polarity.results[0]), allow_nan=False))
    assert data["baseline"] == "scratch" and data["examples"] == 120
    assert data["rows"][2]["values"] == list(polarity.results[0].best.score.values)
    assert data["rows"][2]["comparison"]["significant"] is True
    assert len(data["rows"][2]["evaluations"]) == 3
