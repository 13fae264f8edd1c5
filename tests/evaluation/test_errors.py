"""Sorting what went wrong."""

from jptransfer.evaluation.errors import confident_mistakes, differences, entity_errors, worst_texts
from jptransfer.evaluation.predictions import Predictions
from jptransfer.tasks.base import make_task
from jptransfer.tasks.classification import LabelPrediction
from jptransfer.tasks.ner import EntityPrediction
from jptransfer.tasks.spans import Span

PLACE, PERSON = "地名", "人名"


def entities(id: str, gold: list[Span], predicted: list[Span]) -> EntityPrediction:
    return EntityPrediction(id, "山田太郎は東京都と大阪へ", [], gold, predicted, [1.0] * len(predicted))


def test_most_confident_mistakes_come_first():
    def row(id, gold, predicted, sure):
        return LabelPrediction(id, "文", gold, predicted, [sure, 1 - sure])

    rows = [row("1", "x", "x", 0.99), row("2", "x", "y", 0.6), row("3", "x", "y", 0.9), row("4", "y", "x", 0.9)]
    found = confident_mistakes(Predictions(make_task("classification", ["x", "y"]), "test", rows), limit=2)
    assert [row.id for row in found] == ["3", "4"]


def test_entities_are_right_wrong_missed_or_spurious():
    gold = [Span(0, 4, PERSON), Span(5, 8, PLACE), Span(9, 11, PLACE)]
    predicted = [Span(0, 4, PERSON), Span(5, 7, PLACE), Span(8, 9, PLACE)]
    errors = entity_errors(entities("1", gold, predicted))
    assert errors.right == [Span(0, 4, PERSON)]
    assert errors.wrong == [(Span(5, 8, PLACE), Span(5, 7, PLACE))]
    assert (errors.missed, errors.spurious, errors.count) == ([Span(9, 11, PLACE)], [Span(8, 9, PLACE)], 3)


def test_an_entity_is_in_one_pair_only():
    errors = entity_errors(entities("1", [Span(0, 4, PERSON)], [Span(0, 2, PERSON), Span(2, 4, PERSON)]))
    assert errors.wrong == [(Span(0, 4, PERSON), Span(0, 2, PERSON))]
    assert errors.spurious == [Span(2, 4, PERSON)]


def test_texts_with_most_errors_come_first():
    one, two = [Span(0, 4, PERSON)], [Span(0, 4, PERSON), Span(5, 8, PLACE)]
    rows = [entities("1", one, one), entities("2", one, []), entities("3", two, [])]
    task = make_task("ner", [PLACE, PERSON])
    assert [errors.example.id for errors in worst_texts(Predictions(task, "test", rows), 5)] == ["3", "2"]


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
