"""Sorting what went wrong."""

from jptransfer.evaluation.errors import differences, worst
from jptransfer.evaluation.predictions import Predictions
from jptransfer.tasks.base import make_task
from jptransfer.tasks.classification import LabelPrediction
from jptransfer.tasks.ner import EntityPrediction
from jptransfer.tasks.regression import ValuePrediction
from jptransfer.tasks.spans import Span

PLACE, PERSON = "地名", "人名"


def entities(id: str, gold: list[Span], predicted: list[Span]) -> EntityPrediction:
    return EntityPrediction(id, "山田太郎は東京都と大阪へ", [], gold, predicted, [1.0] * len(predicted))


def test_most_confident_mistakes_come_first():
    def row(id, gold, predicted, sure):
        return LabelPrediction(id, "文", gold, predicted, [sure, 1 - sure])

    rows = [row("1", "x", "x", 0.99), row("2", "x", "y", 0.6), row("3", "x", "y", 0.9), row("4", "y", "x", 0.9)]
    found = worst(Predictions(make_task("classification", ["x", "y"]), "test", rows), limit=2)
    assert [row.id for row in found] == ["3", "4"]


def test_missed_and_spurious_entities_are_errors():
    gold = [Span(0, 4, PERSON), Span(5, 8, PLACE), Span(9, 11, PLACE)]
    predicted = [Span(0, 4, PERSON), Span(5, 7, PLACE), Span(8, 9, PLACE)]  # a wrong border counts as both
    assert make_task("ner", [PLACE, PERSON]).error(entities("1", gold, predicted)) == 4


def test_the_numbers_furthest_off_come_first():
    rows = [ValuePrediction(id, "文", *pair) for id, pair in (("1", (2.0, 2.5)), ("2", (1.0, 1.0)), ("3", (0.0, -3.0)))]
    assert [row.id for row in worst(Predictions(make_task("regression", []), "test", rows), 5)] == ["3", "1"]


def test_texts_with_most_errors_come_first():
    one, two = [Span(0, 4, PERSON)], [Span(0, 4, PERSON), Span(5, 8, PLACE)]
    rows = [entities("1", one, one), entities("2", one, []), entities("3", two, [])]
    task = make_task("ner", [PLACE, PERSON])
    assert [row.id for row in worst(Predictions(task, "test", rows), 5)] == ["3", "2"]


def test_differences_over_seeds():
    task = make_task("ner", [PLACE, PERSON])
    gold = [Span(0, 4, PERSON), Span(5, 8, PLACE)]

    def run(*answers):
        return Predictions(task, "test", [entities(str(i), gold, list(a)) for i, a in enumerate(answers)])

    a = [run(gold, gold[:1], gold), run(gold, gold, gold)]
    b = [run(gold, gold, gold[1:]), run(gold, gold, [])]
    found = {difference.id: difference for difference in differences(a, b)}
    assert {id: d.gain for id, d in found.items()} == {"1": 0.5, "2": -1.5}
    assert found["1"].a == [gold[:1], gold] and found["2"].b == [gold[1:], []]
