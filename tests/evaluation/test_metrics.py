"""Metrics against scikit-learn and worked examples."""

import numpy as np
import pytest
import sklearn.metrics as reference
from hypothesis import assume, given
from hypothesis import strategies as st

from jptransfer.errors import ConfigError, DataError
from jptransfer.evaluation.metrics import load_metric, metrics_for, score, scores_of
from jptransfer.registry import METRICS
from jptransfer.tasks.base import make_task, outcomes_of
from jptransfer.tasks.ner import EntityPrediction
from jptransfer.tasks.outcomes import LabelOutcomes, SpanOutcomes
from jptransfer.tasks.spans import Span

LABELS = ["negative", "neutral", "positive", "never"]
POLARITY = make_task("classification", LABELS)
ENTITIES = make_task("ner", ["地名", "人名"])

answers = st.lists(st.tuples(st.sampled_from(LABELS[:3]), st.sampled_from(LABELS[:3])), min_size=1, max_size=40)


def outcomes(pairs) -> LabelOutcomes:
    gold, predicted = map(list, zip(*pairs, strict=True))
    return LabelOutcomes(gold, predicted, LABELS)


@given(answers)
def test_agrees_with_scikit_learn(pairs):
    these = outcomes(pairs)
    gold, predicted = these.gold, these.predicted
    expected = {
        "accuracy": reference.accuracy_score(gold, predicted),
        "error_rate": 1 - reference.accuracy_score(gold, predicted),
        "macro_f1": reference.f1_score(gold, predicted, average="macro", zero_division=0),
        "micro_f1": reference.f1_score(gold, predicted, average="micro", zero_division=0),
    }
    assert {name: score(METRICS.load(name), these) for name in expected} == pytest.approx(expected)


@given(answers)
def test_kappa_agrees_with_scikit_learn(pairs):
    these = outcomes(pairs)
    assume(len({*these.gold, *these.predicted}) > 1)
    expected = reference.cohen_kappa_score(these.gold, these.predicted, labels=LABELS, weights="quadratic")
    assert score(METRICS.load("kappa"), these) == pytest.approx(expected)


def test_kappa_uses_the_labels_order():
    far = outcomes([("negative", "positive"), ("positive", "positive"), ("negative", "negative")])
    near = outcomes([("negative", "neutral"), ("positive", "positive"), ("negative", "negative")])
    kappa = METRICS.load("kappa")
    assert score(kappa, near) > score(kappa, far)
    assert score(kappa, outcomes([("neutral", "neutral")] * 3)) == 0.0


@given(answers)
def test_table_by_label_and_confusion_agree_with_scikit_learn(pairs):
    these = outcomes(pairs)
    table = reference.precision_recall_fscore_support(these.gold, these.predicted, labels=LABELS, zero_division=0)
    ours = np.array([[row[name] for name in ("precision", "recall", "f1", "support")]
                     for row in these.per_label().values()])
    np.testing.assert_allclose(ours.T, np.array(table, dtype=float))
    expected = reference.confusion_matrix(these.gold, these.predicted, labels=LABELS)
    assert (these.confusion() == expected).all()


def test_every_metric_scores_many_sums_at_once():
    these = outcomes([("negative", "negative"), ("neutral", "positive"), ("positive", "positive")])
    for metric in metrics_for(POLARITY, ["kappa"]):
        sums = metric.counts(these).sum(axis=0)
        many = metric.value(np.stack([sums, 3 * sums])[None])
        assert many == pytest.approx(np.full((1, 2), score(metric, these))), metric.name


def entity_rows():
    def row(id, gold, predicted):
        units = [(0, 2), (2, 3), (3, 5), (5, 6)]
        return EntityPrediction(id, "太郎は京都へ", units, gold, predicted, [1.0] * len(predicted))

    kyoto, taro = Span(3, 5, "地名"), Span(0, 2, "人名")
    return [
        row("1", [taro, kyoto], [taro, kyoto]),
        row("2", [kyoto], [Span(3, 5, "人名")]),  # wrong type
        row("3", [taro], [Span(0, 3, "人名"), kyoto]),  # wrong border, spurious
    ]


def test_entity_scores_by_hand():
    scores = scores_of(ENTITIES, entity_rows(), ["token_accuracy"])
    assert scores == pytest.approx({
        "entity_f1": 2 * 2 / (4 + 5), "entity_precision": 2 / 5, "entity_recall": 2 / 4,
        "macro_f1": (2 * 1 / (2 + 2) + 2 * 1 / (2 + 3)) / 2, "token_accuracy": 9 / 12,
    })
    table = outcomes_of(ENTITIES, entity_rows()).per_label()
    assert table["地名"] == pytest.approx({"precision": 1 / 2, "recall": 1 / 2, "f1": 1 / 2, "support": 2})


def test_words_and_characters_differ_where_entities_lie_off_the_units():
    units = [(0, 2), (2, 3), (3, 5)]  # 京都|へ|行く; the gold entity is 都へ
    rows = [EntityPrediction("1", "京都へ行く", units, [Span(1, 3, "地名")], [Span(0, 3, "地名")], [1.0])]
    outcomes = outcomes_of(ENTITIES, rows)
    scores = {name: score(METRICS.load(name), outcomes) for name in ("entity_f1", "unit_f1", "unit_recall")}
    assert scores == {"entity_f1": 0.0, "unit_f1": 1.0, "unit_recall": 1.0}


def test_every_registered_metric_carries_its_name():
    assert [METRICS.load(name).name for name in METRICS] == list(METRICS)


def test_a_metric_of_another_task_names_those_that_fit():
    with pytest.raises(ConfigError, match="unknown metric of a ner task 'accuracy' .did you mean 'token_accuracy'"):
        load_metric("accuracy", ENTITIES)
    with pytest.raises(ConfigError, match="did you mean 'macro_f1'"):
        load_metric("makro_f1", POLARITY)
    assert load_metric("", ENTITIES).name == "entity_f1"


def test_answers_outside_the_labels_are_an_error():
    with pytest.raises(DataError, match="unknown label 'postive' .did you mean 'positive'"):
        score(METRICS.load("accuracy"), outcomes([("postive", "positive")]))
    with pytest.raises(DataError, match="unknown entity type '組織名'"):
        score(METRICS.load("entity_f1"), SpanOutcomes([[Span(0, 1, "組織名")]], [[]], ["地名"]))


def test_scoring_without_gold_is_an_error():
    blind = EntityPrediction("7", "京都", [(0, 2)], None, [], [])
    with pytest.raises(DataError, match="'7'"):
        outcomes_of(ENTITIES, [blind])
