"""What every registered metric has to do; `PLAIN` holds the same score by other code, a new metric adds its row."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pytest
import seqeval.metrics
import seqeval.scheme
from scipy import stats
from sklearn import metrics as sklearn

from jptransfer.evaluation.metrics import StatisticMetric, SumMetric, score
from jptransfer.registry import METRICS
from jptransfer.tasks.outcomes import LabelOutcomes, Outcomes, SpanOutcomes, ValueOutcomes

SIZE = 40
RANDOM = np.random.default_rng(0)
LABELS = ["a", "b", "c"]
TYPES = ["LOC", "PER"]
UNITS = [(0, 1), (1, 3), (3, 4), (4, 6), (6, 7)]


def spans(random: np.random.Generator) -> list[tuple[int, int, str]]:
    """Return spans of whole units, each with a gap after it."""
    starts = [0, 3] if random.random() < 0.5 else [1, 4]
    return [(UNITS[place][0], UNITS[place][1], str(random.choice(TYPES))) for place in starts
            if random.random() < 0.7]


def labels() -> list[str]:
    return [str(one) for one in RANDOM.choice(LABELS, SIZE)]


def span_lists() -> list[list[tuple[int, int, str]]]:
    return [spans(RANDOM) for _ in range(SIZE)]


def mostly(gold: Sequence, other: Sequence) -> list:
    """Return the gold answers with every third one replaced."""
    return [two if number % 3 == 0 else one for number, (one, two) in enumerate(zip(gold, other, strict=True))]


GOLD = {"labels": labels(), "spans": span_lists(), "values": [float(one) for one in RANDOM.integers(0, 9, SIZE)]}
GOLD["spans"][0] = [(0, 1, "LOC")]
PREDICTED = {"labels": mostly(GOLD["labels"], labels()), "spans": mostly(GOLD["spans"], span_lists()),
             "values": mostly(GOLD["values"], [float(one) for one in RANDOM.integers(0, 9, SIZE)])}
PREDICTED["spans"][0] = []


def outcomes(takes: type[Outcomes], index: Sequence[int], perfect: bool = False) -> Outcomes:
    """Return outcomes that a metric of type `takes` accepts, of the examples at `index`."""
    if issubclass(ValueOutcomes, takes):
        kind = "values"
    else:
        kind = "spans" if issubclass(SpanOutcomes, takes) and not issubclass(LabelOutcomes, takes) else "labels"
    if not any(issubclass(known, takes) for known in (ValueOutcomes, SpanOutcomes, LabelOutcomes)):
        pytest.fail(f"no example of {takes.__name__}: add one to `outcomes` of tests/evaluation/test_contract.py")
    gold = [GOLD[kind][i] for i in index]
    predicted = gold if perfect else [PREDICTED[kind][i] for i in index]
    if kind == "values":
        return ValueOutcomes(gold, predicted)
    if kind == "labels":
        return LabelOutcomes(gold, predicted, LABELS)
    return SpanOutcomes(gold, predicted, TYPES, [UNITS] * len(gold))


def tags(rows: Sequence[Sequence[tuple[int, int, str]]]) -> list[list[str]]:
    """Return IOB2 tags of the units; spans here are of one unit each."""
    return [[next((f"B-{label}" for start, end, label in row if (start, end) == unit), "O") for unit in UNITS]
            for row in rows]


def share_of_spans(over: Callable[[int, int], float]) -> Callable[[list, list], float]:
    """Return right spans over a function of the numbers of predicted and gold ones."""
    def plain(gold: list, predicted: list) -> float:
        right = sum(one in row for row, found in zip(gold, predicted, strict=True) for one in found)
        return right / over(sum(map(len, predicted)), sum(map(len, gold)))

    return plain


precision, recall = share_of_spans(lambda p, g: p), share_of_spans(lambda p, g: g)
f1 = share_of_spans(lambda p, g: (p + g) / 2)
PLAIN: dict[str, Callable[[list, list], float]] = {
    "accuracy": sklearn.accuracy_score,
    "error_rate": lambda gold, predicted: 1 - sklearn.accuracy_score(gold, predicted),
    "macro_f1": lambda gold, predicted: sklearn.f1_score(gold, predicted, average="macro"),
    "micro_f1": lambda gold, predicted: sklearn.f1_score(gold, predicted, average="micro"),
    "kappa": lambda gold, predicted: sklearn.cohen_kappa_score(gold, predicted, labels=LABELS, weights="quadratic"),
    "entity_precision": precision, "entity_recall": recall, "entity_f1": f1,
    "unit_precision": precision, "unit_recall": recall, "unit_f1": f1,
    "seqeval_f1": lambda gold, predicted: seqeval.metrics.f1_score(tags(gold), tags(predicted)),
    "seqeval_f1_strict": lambda gold, predicted: seqeval.metrics.f1_score(
        tags(gold), tags(predicted), mode="strict", scheme=seqeval.scheme.IOB2),
    "token_accuracy": lambda gold, predicted: float(np.mean(np.array(tags(gold)) == np.array(tags(predicted)))),
    "mse": sklearn.mean_squared_error,
    "pearson": lambda gold, predicted: stats.pearsonr(gold, predicted).statistic,
    "spearman": lambda gold, predicted: stats.spearmanr(gold, predicted).statistic,
}

every = pytest.mark.parametrize("name", list(METRICS))


def test_every_metric_has_a_plain_computation() -> None:
    missing = set(METRICS) - PLAIN.keys()
    assert not missing, f"{sorted(missing)}: add the same score by other code to PLAIN of {__file__}"
    assert PLAIN.keys() <= set(METRICS)


@every
def test_perfect_predictions_have_the_best_score_and_others_a_worse_one(name: str) -> None:
    metric = METRICS.load(name)
    best = metric.bounds[1] if metric.higher_is_better else metric.bounds[0]
    assert metric.name == name
    assert score(metric, outcomes(metric.takes, range(SIZE), perfect=True)) == pytest.approx(best)
    found = score(metric, outcomes(metric.takes, range(SIZE)))
    assert metric.bounds[0] <= found <= metric.bounds[1]
    assert found < best - 0.01 if metric.higher_is_better else found > best + 0.01


@every
def test_resampled_examples_score_as_the_plain_computation_says(name: str) -> None:
    metric = METRICS.load(name)
    index = np.random.default_rng(1).integers(SIZE, size=(4, SIZE))
    whole = outcomes(metric.takes, range(SIZE))
    if isinstance(metric, SumMetric):
        found = metric.value(metric.counts(whole)[index].sum(axis=1))
    else:
        assert isinstance(metric, StatisticMetric)
        found = metric.of(whole, index)
    parts = [outcomes(metric.takes, rows) for rows in index]
    assert found == pytest.approx([PLAIN[name](list(part.gold), list(part.predicted)) for part in parts])
    assert found == pytest.approx([score(metric, part) for part in parts])


@every
def test_the_bootstrap_draws_around_the_score(name: str) -> None:
    metric = METRICS.load(name)
    sample = metric.sample([outcomes(metric.takes, range(SIZE))])
    drawn = sample.resampled(400, seed=0)
    assert drawn.shape == (400, 1) and drawn.std() > 0
    assert abs(drawn.mean() - sample.scores[0]) < drawn.std()
