"""Bootstrap intervals against a plain resampling loop, scipy and the normal approximation."""

import numpy as np
import pytest
import scipy.stats

from jptransfer.evaluation import bootstrap
from jptransfer.evaluation.bootstrap import difference_interval, interval, patterns, resampled_scores
from jptransfer.evaluation.metrics import Outcomes
from jptransfer.registry import METRICS

ACCURACY = METRICS.load("accuracy")


def right(shares, examples=400, seed=0) -> np.ndarray:
    """Counts of runs that are right with these probabilities, (runs, examples, 2)."""
    rng = np.random.default_rng(seed)
    hits = rng.random((len(shares), examples)) < np.array(shares)[:, None]
    return np.stack([hits, np.ones_like(hits)], axis=-1).astype(np.int64)


def test_groups_hold_every_example():
    counts = right([0.5, 0.7, 0.9])
    grouped = patterns(counts)
    assert grouped.sizes.sum() == 400 and len(grouped.sizes) == 8
    assert (grouped.sums(grouped.sizes[None])[0] == counts.sum(axis=1)).all()


def test_interval_of_accuracy_is_near_the_normal_one():
    counts = right([0.8])
    share = counts[0, :, 0].mean()
    low, high = interval(counts, ACCURACY.value, 20_000, 0.95, seed=1)
    half = 1.96 * np.sqrt(share * (1 - share) / 400)
    assert (low, high) == pytest.approx((share - half, share + half), abs=0.004)


def test_interval_agrees_with_scipy():
    counts = right([0.6, 0.7], examples=150)
    means = counts[..., 0].mean(axis=0)
    expected = scipy.stats.bootstrap((means,), np.mean, method="percentile", n_resamples=20_000, rng=2)
    ours = interval(counts, ACCURACY.value, 20_000, 0.95, seed=1)
    assert ours == pytest.approx(tuple(expected.confidence_interval), abs=0.004)


def test_a_ratio_of_sums_is_resampled_as_a_whole():
    rng = np.random.default_rng(3)
    labels = list("abc")
    gold = [labels[i] for i in rng.integers(0, 3, 200)]
    predicted = [g if rng.random() < 0.7 else labels[rng.integers(0, 3)] for g in gold]
    metric = METRICS.load("macro_f1")
    counts = metric.counts(Outcomes("classification", labels, gold, predicted))
    naive = [float(metric.value(counts[rng.integers(0, 200, 200)].sum(axis=0))) for _ in range(4000)]
    ours = resampled_scores(counts[None], metric.value, 4000, seed=5)[:, 0]
    assert (ours.mean(), ours.std()) == pytest.approx((np.mean(naive), np.std(naive)), abs=0.003)
    assert scipy.stats.ks_2samp(ours, naive).pvalue > 0.001


def test_difference_is_paired():
    counts = right([0.8])
    worse = counts.copy()
    worse[0, np.flatnonzero(counts[0, :, 0])[:40], 0] = 0  # B is right where A is, but for 40 of 400
    low, high = difference_interval(counts, worse, ACCURACY.value, 5000, 0.95, seed=0)
    half = 1.96 * np.sqrt(0.1 * 0.9 / 400)
    assert (low, high) == pytest.approx((-0.1 - half, -0.1 + half), abs=0.005)
    assert difference_interval(counts, counts, ACCURACY.value, 500, 0.95, seed=0) == (0.0, 0.0)


def test_same_seed_same_interval_however_it_is_cut(monkeypatch):
    counts = right([0.7, 0.6])
    whole = interval(counts, ACCURACY.value, 300, 0.9, seed=4)
    monkeypatch.setattr(bootstrap, "BLOCK", 7)
    assert interval(counts, ACCURACY.value, 300, 0.9, seed=4) == whole
    assert interval(counts, ACCURACY.value, 300, 0.9, seed=5) != whole
