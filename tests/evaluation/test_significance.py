"""Paired tests against enumeration, statsmodels, scipy and each other."""

import itertools

import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.stats.contingency_tables import mcnemar as reference_mcnemar

from jptransfer.errors import ConfigError
from jptransfer.evaluation import samples
from jptransfer.evaluation.samples import SumSample
from jptransfer.evaluation.significance import approximate_randomization, mcnemar
from jptransfer.registry import METRICS
from jptransfer.tasks.outcomes import LabelOutcomes, SpanOutcomes
from jptransfer.tasks.spans import Span

ACCURACY = METRICS.load("accuracy")


def randomise(a: np.ndarray, b: np.ndarray, value, trials: int, seed: int) -> float:
    return approximate_randomization(SumSample(a, value), SumSample(b, value), trials, seed)


def counts(hits: np.ndarray) -> np.ndarray:
    """(runs, examples) bool to accuracy's (runs, examples, 2) counts."""
    return np.stack([hits, np.ones_like(hits)], axis=-1).astype(np.int64)


def draw(shares, examples, seed):
    rng = np.random.default_rng(seed)
    return rng.random((len(shares), examples)) < np.array(shares)[:, None]


def enumerated(a: np.ndarray, b: np.ndarray, value) -> float:
    """Exact p: every way of exchanging examples (with all their runs)."""
    observed = abs(value(b.sum(axis=1)).mean() - value(a.sum(axis=1)).mean())
    extreme = 0
    for swaps in itertools.product([False, True], repeat=a.shape[1]):
        mask = np.array(swaps)[None, :, None]
        c, d = np.where(mask, b, a), np.where(mask, a, b)
        extreme += abs(value(d.sum(axis=1)).mean() - value(c.sum(axis=1)).mean()) >= observed - 1e-12
    return extreme / 2 ** a.shape[1]


@pytest.mark.parametrize("seeds", [1, 3])
def test_randomisation_converges_to_the_enumeration(seeds):
    a, b = counts(draw([0.4] * seeds, 10, 1)), counts(draw([0.8] * seeds, 10, 2))
    p = randomise(a, b, ACCURACY.value, 40_000, seed=0)
    assert p == pytest.approx(enumerated(a, b, ACCURACY.value), abs=0.01)


def test_randomisation_of_a_ratio_converges_to_the_enumeration():
    rng = np.random.default_rng(5)
    labels = list("abc")
    gold = [labels[i] for i in rng.integers(0, 3, 11)]
    metric = METRICS.load("macro_f1")

    def run(share):
        predicted = [g if rng.random() < share else labels[rng.integers(0, 3)] for g in gold]
        return metric.counts(LabelOutcomes(gold, predicted, labels))

    a, b = np.stack([run(0.3), run(0.3)]), np.stack([run(0.8), run(0.9)])
    p = randomise(a, b, metric.value, 40_000, seed=0)
    assert p == pytest.approx(enumerated(a, b, metric.value), abs=0.01)


@pytest.mark.parametrize("metric", ["entity_f1", "unit_f1"])
def test_randomisation_of_entity_scores_converges_to_the_enumeration(metric):
    rng, kinds = np.random.default_rng(3), ["LOC", "PER"]
    units = [(place, place + 1) for place in range(8)]
    metric = METRICS.load(metric)

    def spans(share):
        drawn = [Span(place, place + 2, kinds[rng.integers(2)]) for place in (0, 3, 6)]
        return [span for span in drawn if rng.random() < share]

    gold = [spans(0.8) for _ in range(9)]

    def run(share):
        predicted = [[span for span in one if rng.random() < share] + spans(0.1)[:1] * (rng.random() < 0.3)
                     for one in gold]
        predicted = [sorted({span.start: span for span in one}.values()) for one in predicted]
        return metric.counts(SpanOutcomes(gold, predicted, kinds, [units] * len(gold)))

    a, b = np.stack([run(0.3), run(0.4)]), np.stack([run(0.8), run(0.7)])
    p = randomise(a, b, metric.value, 40_000, seed=0)
    assert p == pytest.approx(enumerated(a, b, metric.value), abs=0.01)
    assert 0 < p < 1


def test_randomisation_agrees_with_scipy():
    a, b = draw([0.62], 120, 3), draw([0.74], 120, 4)
    ours = randomise(counts(a), counts(b), ACCURACY.value, 20_000, seed=0)
    theirs = scipy.stats.permutation_test(
        (a[0].astype(float), b[0].astype(float)), lambda x, y, axis: x.mean(axis=axis) - y.mean(axis=axis),
        permutation_type="samples", vectorized=True, n_resamples=5000, rng=1)
    assert ours == pytest.approx(theirs.pvalue, abs=0.02)


def test_limits_of_randomisation():
    a = counts(draw([0.5], 60, 0))
    assert randomise(a, a, ACCURACY.value, 99, seed=0) == 1.0
    none, all_ = counts(np.zeros((1, 60), bool)), counts(np.ones((1, 60), bool))
    assert randomise(none, all_, ACCURACY.value, 999, seed=0) == 1 / 1000


def test_p_values_of_equal_systems_are_uniform():
    p = [randomise(counts(draw([0.7], 200, 2 * i)), counts(draw([0.7], 200, 2 * i + 1)),
                                   ACCURACY.value, 199, seed=i) for i in range(300)]
    assert 0.02 < np.mean(np.array(p) <= 0.05) < 0.09


def test_exchanges_are_binomial():
    sizes = np.array([1, 2, 63, 64, 65, 5000])
    drawn = np.concatenate(list(samples.exchanges(sizes, 4000, seed=1)))
    assert drawn.shape == (4000, 6)
    for size, column in zip(sizes, drawn.T, strict=True):
        assert column.min() >= 0 and column.max() <= size
        assert (column.mean(), column.var()) == pytest.approx((size / 2, size / 4), rel=0.1)
    assert abs(np.corrcoef(drawn.T) - np.eye(6)).max() < 0.06


def test_direction_does_not_matter_and_blocks_do_not(monkeypatch):
    a, b = counts(draw([0.6] * 2, 100, 1)), counts(draw([0.7] * 2, 100, 2))
    p = randomise(a, b, ACCURACY.value, 500, seed=3)
    assert randomise(b, a, ACCURACY.value, 500, seed=3) == pytest.approx(p, abs=0.05)
    monkeypatch.setattr(samples, "BLOCK", 11)
    assert randomise(a, b, ACCURACY.value, 500, seed=3) == p


def test_one_run_stands_beside_each_of_several():
    one, three = counts(draw([0.6], 100, 1)), counts(draw([0.7] * 3, 100, 2))
    alone = randomise(one, three, ACCURACY.value, 500, seed=0)
    assert alone == randomise(np.repeat(one, 3, axis=0), three, ACCURACY.value, 500, seed=0)
    with pytest.raises(ConfigError, match="A has 2 runs and B has 3"):
        randomise(three[:2], three, ACCURACY.value, 500, seed=0)


@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=60))
def test_mcnemar_agrees_with_statsmodels(pairs):
    a, b = (np.array(column)[None] for column in zip(*pairs, strict=True))
    table = [[(a & b).sum(), (a & ~b).sum()], [(~a & b).sum(), (~a & ~b).sum()]]
    ours = mcnemar(a, b)
    assert (ours.a_better, ours.b_better) == (table[0][1], table[1][0])
    assert ours.exact == pytest.approx(reference_mcnemar(table, exact=True).pvalue, abs=1e-9)
    if table[0][1] != table[1][0]:  # statsmodels corrects |b - c| = 0 to 1
        expected = reference_mcnemar(table, exact=False, correction=True).pvalue
        assert ours.corrected == pytest.approx(expected, abs=1e-9)


def test_mcnemar_of_large_counts_keeps_small_p_values():
    a, b = np.zeros((1, 30_000), bool), np.zeros((1, 30_000), bool)
    b[0, :16_000] = a[0, 16_000:] = True
    expected = scipy.stats.binomtest(14_000, 30_000).pvalue
    assert mcnemar(a, b).exact == pytest.approx(expected, rel=1e-6)


def test_mcnemar_over_seeds_is_the_exact_randomisation_of_accuracy():
    a, b = draw([0.4] * 3, 12, 8), draw([0.7] * 3, 12, 9)
    assert mcnemar(a, b).exact == pytest.approx(enumerated(counts(a), counts(b), ACCURACY.value))


def test_copies_of_a_run_are_no_evidence():
    a, b = draw([0.6], 80, 1), draw([0.75], 80, 2)
    assert mcnemar(np.repeat(a, 5, axis=0), np.repeat(b, 5, axis=0)) == mcnemar(a, b)


def test_mcnemar_of_equal_systems():
    a = draw([0.5] * 2, 50, 1)
    assert (mcnemar(a, a).exact, mcnemar(a, a).corrected) == (1.0, 1.0)
