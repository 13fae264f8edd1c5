from jptransfer.report.sweep import sweep_table
from jptransfer.report.tables import markdown

DONE = {"number": 0, "overrides": ["task=toy", "seed=0"], "metric": "accuracy", "score": 0.81, "artifact": "/x/a-1"}
BETTER = {"number": 1, "overrides": ["task=toy", "seed=1"], "metric": "accuracy", "score": 0.9, "artifact": "/x/a-2"}
FAILED = {"number": 2, "overrides": ["task=toy", "seed=-1"], "code": 2, "error": "seed: -1 is below 0;\nsee --help"}


def rows(jobs):
    return [[cell.text for cell in row] for row in sweep_table(jobs).rows]


def test_jobs_with_what_they_set_and_what_came_of_it():
    assert rows([DONE, BETTER, FAILED]) == [
        ["#0", "0", "81.0", "a-1"], ["#1", "1", "90.0", "a-2"],
        ["#2", "-1", "–", "failed: seed: -1 is below 0; see --help"]]
    table = sweep_table([DONE, BETTER, FAILED])
    assert [column.title for column in table.columns] == ["job", "seed", "validation accuracy", "outcome"]
    assert table.caption == "2 jobs done, 1 failed."
    assert "**90.0**" in markdown(table) and "**81.0**" not in markdown(table)


def test_the_best_error_rate_is_the_lowest():
    jobs = [{**job, "metric": "error_rate"} for job in (DONE, BETTER)]
    assert [row[2].bold for row in sweep_table(jobs).rows] == [True, False]


def test_settings_that_only_some_jobs_have_and_a_single_job():
    assert rows([DONE, {**BETTER, "overrides": ["+model=bert"]}])[1][:4] == ["#1", "–", "–", "bert"]
    assert rows([DONE]) == [["#0", "toy", "0", "81.0", "a-1"]]


def test_all_failed_and_none_at_all():
    assert rows([FAILED]) == [["#2", "toy", "-1", "failed: seed: -1 is below 0; see --help"]]
    assert sweep_table([]).rows == []


def test_jobs_that_failed_with_nan_or_have_no_score():
    job = {"number": 0, "overrides": ["corpus=toy"], "artifact": "/x/corpus/toy-1"}
    assert rows([job]) == [["#0", "toy", "toy-1"]]


def test_scores_of_several_metrics_are_named_and_not_compared():
    other = {**BETTER, "overrides": ["task=ner", "seed=0"], "metric": "entity_f1"}
    assert rows([DONE, other, FAILED]) == [
        ["#0", "toy", "0", "accuracy", "81.0", "a-1"], ["#1", "ner", "0", "entity_f1", "90.0", "a-2"],
        ["#2", "toy", "-1", "–", "–", "failed: seed: -1 is below 0; see --help"]]
    table = sweep_table([DONE, other])
    assert table.columns[3].title == "validation score" and not any(row[3].bold for row in table.rows)
