"""Correlations and squared errors against scipy, scikit-learn and worked examples; intervals and paired tests."""

import itertools

import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import mean_squared_error

from jptransfer.evaluation import samples
from jptransfer.evaluation.bootstrap import difference_interval, interval
from jptransfer.evaluation.metrics import StatisticMetric, score
from jptransfer.evaluation.significance import approximate_randomization
from jptransfer.registry import METRICS
from jptransfer.tasks.outcomes import ValueOutcomes

PEARSON, SPEARMAN, MSE = map(METRICS.load, ("pearson", "spearman", "mse"))
numbers = st.integers(-5, 5).map(float)
pairs = st.lists(st.tuples(numbers, numbers), min_size=2, max_size=30)


def noisy(noise, examples=60, seed=0, gold_seed=9) -> ValueOutcomes:
    gold = np.random.default_rng(gold_seed).normal(3, 1, examples)
    return ValueOutcomes(gold.tolist(), (gold + np.random.default_rng(seed).normal(0, noise, examples)).tolist())


@given(pairs)
def test_agree_with_scipy_and_scikit_learn(found):
    gold, predicted = map(list, zip(*found, strict=True))
    these = ValueOutcomes(gold, predicted)
    assert score(MSE, these) == pytest.approx(mean_squared_error(gold, predicted))
    constant = len(set(gold)) == 1 or len(set(predicted)) == 1
    for metric, reference in ((PEARSON, scipy.stats.pearsonr), (SPEARMAN, scipy.stats.spearmanr)):
        expected = 0.0 if constant else reference(gold, predicted).statistic  # scipy: NaN where one side is constant
        assert score(metric, these) == pytest.approx(expected, abs=1e-9)


def test_by_hand():
    these = ValueOutcomes([1.0, 2.0, 3.0, 4.0], [1.0, 2.0, 4.0, 3.0])
    assert score(SPEARMAN, these) == pytest.approx(1 - 6 * 2 / (4 * 15))
    assert score(MSE, these) == pytest.approx(2 / 4)
    assert not MSE.higher_is_better and SPEARMAN.higher_is_better and PEARSON.higher_is_better


def test_a_statistic_is_computed_for_many_resamples_at_once():
    these, index = noisy(1.0), np.random.default_rng(0).integers(60, size=(2, 3, 60))
    for metric, reference in ((PEARSON, scipy.stats.pearsonr), (SPEARMAN, scipy.stats.spearmanr)):
        found = metric.of(these, index)
        gold, predicted = these.arrays()
        expected = [[reference(gold[i], predicted[i]).statistic for i in row] for row in index]
        np.testing.assert_allclose(found, expected)


@pytest.mark.parametrize("metric", [PEARSON, SPEARMAN], ids=["pearson", "spearman"])
def test_interval_agrees_with_scipy(metric):
    these = noisy(1.0, examples=120)
    reference = scipy.stats.pearsonr if metric is PEARSON else scipy.stats.spearmanr
    theirs = scipy.stats.bootstrap(these.arrays(), lambda x, y: reference(x, y).statistic, paired=True,
                                   vectorized=False, method="percentile", n_resamples=2000, rng=1).confidence_interval
    ours = interval(metric.sample([these]), 4000, 0.95, seed=0, bounds=metric.bounds)
    assert ours == pytest.approx((theirs.low, theirs.high), abs=0.02)


def test_both_forms_of_one_metric_agree():
    """The squared error as a statistic has the interval and the p-value that it has as a sum."""
    def of(outcomes, index):
        gold, predicted = outcomes.arrays()
        return ((gold - predicted)[index] ** 2).mean(axis=-1)

    statistic = StatisticMetric("mse", ValueOutcomes, of, False)
    a, b = [noisy(0.9, seed=1), noisy(1.0, seed=2)], [noisy(1.1, seed=3), noisy(1.2, seed=4)]
    sums, draws = ([metric.sample(runs) for runs in (a, b)] for metric in (MSE, statistic))
    assert sums[0].scores == pytest.approx(draws[0].scores)
    one, other = ([metric.sample(runs[:1]) for runs in (a, b)] for metric in (MSE, statistic))
    for make in (lambda a, b: interval(a, 20_000, 0.9, 0), lambda a, b: difference_interval(a, b, 20_000, 0.9, 0)):
        assert make(*one) == pytest.approx(make(*other), abs=0.03)
    assert approximate_randomization(*sums, 4000, 0) == pytest.approx(approximate_randomization(*draws, 4000, 1),
                                                                      abs=0.03)


def enumerated(metric, a, b) -> float:
    """Exact p: every way of exchanging examples, with all their runs."""
    def distance(a, b):
        return abs(np.mean([score(metric, two) - score(metric, one) for one, two in zip(a, b, strict=True)]))

    if isinstance(metric, StatisticMetric):
        a, b = ([metric.comparable(one) for one in side] for side in (a, b))
    observed, extreme, count = distance(a, b), 0, len(a[0])
    for swaps in itertools.product([False, True], repeat=count):
        mask = np.array(swaps)
        mixed = [(ValueOutcomes(one.gold, np.where(mask, two.predicted, one.predicted)),
                  ValueOutcomes(one.gold, np.where(mask, one.predicted, two.predicted)))
                 for one, two in zip(a, b, strict=True)]
        extreme += distance(*map(list, zip(*mixed, strict=True))) >= observed - 1e-12
    return extreme / 2**count


@pytest.mark.parametrize("seeds", [1, 2])
@pytest.mark.parametrize("metric", [SPEARMAN, MSE], ids=["spearman", "mse"])
def test_randomisation_converges_to_the_enumeration(metric, seeds):
    a = [noisy(2.0, 8, seed) for seed in range(seeds)]
    b = [noisy(0.4, 8, 10 + seed) for seed in range(seeds)]
    p = approximate_randomization(metric.sample(a), metric.sample(b), 20_000, seed=0)
    assert p == pytest.approx(enumerated(metric, a, b), abs=0.015) and 0 < p < 0.9


def test_limits_of_randomisation_and_a_single_run_beside_several():
    one, three = SPEARMAN.sample([noisy(1.0)]), SPEARMAN.sample([noisy(0.3, seed=s) for s in (1, 2, 3)])
    assert approximate_randomization(one, one, 99, seed=0) == 1.0
    assert approximate_randomization(one, three, 299, seed=0) < 0.05
    repeated = SPEARMAN.sample([noisy(1.0)] * 3)
    assert approximate_randomization(one, three, 299, 0) == approximate_randomization(repeated, three, 299, 0)


def test_large_numbers_round_without_changing_p():
    """Exchanges that change nothing but the order of additions are ties, whatever the scale of the numbers."""
    a, b = noisy(1.0, 5, 1), noisy(0.5, 5, 2)  # one of 16 exchanges is a tie of the systems as they are
    large = [ValueOutcomes(1.1e9 * np.array(one.gold), 1.1e9 * np.array(one.predicted)) for one in (a, b)]
    small = approximate_randomization(MSE.sample([a]), MSE.sample([b]), 2000, seed=0)
    assert approximate_randomization(MSE.sample(large[:1]), MSE.sample(large[1:]), 2000, seed=0) == small


def test_same_seed_same_numbers_however_they_are_cut(monkeypatch):
    a, b = SPEARMAN.sample([noisy(1.0)]), SPEARMAN.sample([noisy(0.8, seed=5)])
    whole = interval(a, 300, 0.9, 4), approximate_randomization(a, b, 300, 4)
    monkeypatch.setattr(samples, "BLOCK", 130)
    assert (interval(a, 300, 0.9, 4), approximate_randomization(a, b, 300, 4)) == whole


def test_seqeval_metrics_are_seqevals():
    from seqeval.metrics import f1_score
    from seqeval.scheme import IOB2

    from jptransfer.tasks.outcomes import SpanOutcomes
    from jptransfer.tasks.spans import Span

    rng, units = np.random.default_rng(2), [(place, place + 1) for place in range(9)]

    def spans(share):
        return [Span(at, at + 2, str(rng.choice(["LOC", "PER"]))) for at in (0, 2, 5) if rng.random() < share]

    gold, predicted = [spans(0.8) for _ in range(30)], [spans(0.6) for _ in range(30)]
    these = SpanOutcomes(gold, predicted, ["LOC", "PER"], [units] * 30)
    tags = [list(side) for side in zip(*these.tags(), strict=True)]
    assert score(METRICS.load("seqeval_f1"), these) == pytest.approx(f1_score(*tags)) != 0
    strict = f1_score(*tags, mode="strict", scheme=IOB2)
    assert score(METRICS.load("seqeval_f1_strict"), these) == pytest.approx(strict)
    assert score(METRICS.load("seqeval_f1"), these) == pytest.approx(score(METRICS.load("unit_f1"), these))


@pytest.mark.parametrize("metric", [PEARSON, SPEARMAN], ids=["pearson", "spearman"])
@given(scale=st.floats(1e-3, 1e3), offset=st.floats(-1e3, 1e3))
def test_the_scale_of_a_systems_numbers_does_not_change_its_tests(metric, scale, offset):
    a, b = noisy(1.0, seed=1), noisy(0.5, seed=2)
    moved = ValueOutcomes(b.gold, (offset + scale * np.array(b.predicted)).round(9).tolist())
    if metric is SPEARMAN:
        moved = ValueOutcomes(b.gold, np.cbrt(np.array(b.predicted)).tolist())
    first = approximate_randomization(metric.sample([a]), metric.sample([b]), 200, seed=0)
    assert approximate_randomization(metric.sample([a]), metric.sample([moved]), 200, seed=0) == pytest.approx(first)


def test_a_clearly_better_system_on_another_scale_is_significant():
    """Exchanged as they are, numbers around 3 and around 300 gave p = 1."""
    a, b = noisy(3.0, 200, seed=1), noisy(0.3, 200, seed=2)
    moved = ValueOutcomes(b.gold, (100 * np.array(b.predicted)).tolist())
    for metric in (PEARSON, SPEARMAN):
        assert approximate_randomization(metric.sample([a]), metric.sample([moved]), 999, seed=0) == 0.001
        low, _ = difference_interval(metric.sample([a]), metric.sample([moved]), 200, 0.95, 0)
        assert low > 0
