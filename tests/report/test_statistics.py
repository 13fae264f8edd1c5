from jptransfer.report.statistics import facts, nested_tables


def cells(table):
    return [[cell.text for cell in row] for row in table.rows]


def test_alike_siblings_become_rows():
    data = {"splits": {"train": {"examples": 10, "labels": {"良い": 7}}, "validation": {"examples": 2}},
            "read": {"all": 12}, "made_splits": ["validation"], "left_out": {}}
    first, second = nested_tables("jrte", data)
    assert first.title == "jrte: splits" and [c.key for c in first.columns] == ["name", "examples", "labels · 良い"]
    assert cells(first) == [["train", "10", "7"], ["validation", "2", "–"]]
    assert cells(second) == [["read · all", "12"], ["made splits", "validation"]]


def test_timings_are_left_out(polarity):
    table = facts("Language models", polarity.sources.of_kind("language_model"))
    assert {column.key for column in table.columns} == {"artifact", "steps", "perplexity", "parameters"}
    assert facts("nothing", []) is None
