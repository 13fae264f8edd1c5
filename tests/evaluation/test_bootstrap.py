"""Bootstrap intervals against a plain resampling loop, scipy and the normal approximation."""

import numpy as np
import pytest
import scipy.stats

from jptransfer.evaluation import samples
from jptransfer.evaluation.bootstrap import difference_interval, interval
from jptransfer.evaluation.samples import SumSample, patterns
from jptransfer.registry import METRICS
from jptransfer.tasks.outcomes import LabelOutcomes

ACCURACY = METRICS.load("accuracy")


def sample(counts: np.ndarray) -> SumSample:
    return SumSample(counts, ACCURACY.value)


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
    low, high = interval(sample(counts), 20_000, 0.95, seed=1)
    half = 1.96 * np.sqrt(share * (1 - share) / 400)
    assert (low, high) == pytest.approx((share - half, share + half), abs=0.004)


def test_interval_agrees_with_scipy():
    counts = right([0.6], examples=150)
    expected = scipy.stats.bootstrap((counts[0, :, 0],), np.mean, method="percentile", n_resamples=20_000, rng=2)
    ours = interval(sample(counts), 20_000, 0.95, seed=1)
    assert ours == pytest.approx(tuple(expected.confidence_interval), abs=0.004)


def test_seeds_alone_give_students_interval():
    """Examples that all runs get alike add nothing: what is left is the textbook's interval of a mean."""
    hits = np.zeros((4, 100_000), dtype=np.int64)
    for run, share in zip(hits, (0.5, 0.6, 0.7, 0.8), strict=True):
        run[: int(share * len(run))] = 1
    counts = np.stack([hits, np.ones_like(hits)], axis=-1)
    shares = hits.mean(1)
    expected = scipy.stats.t.interval(0.95, 3, shares.mean(), shares.std(ddof=1) / 2)
    assert interval(sample(counts), 2000, 0.95, 0) == pytest.approx(expected, abs=0.002)
    half = difference_interval(sample(counts), sample(counts), 2000, 0.95, 0)[1]
    welch = scipy.stats.ttest_ind(shares, shares, equal_var=False).confidence_interval().high
    assert half == pytest.approx(welch, rel=1e-3)  # the same examples on both sides: no error of examples at all


def test_equal_runs_are_one():
    counts = right([0.7])
    three = np.repeat(counts, 3, axis=0)
    assert interval(sample(three), 500, 0.95, 1) == interval(sample(counts), 500, 0.95, 1)


def test_a_score_has_no_limit_beyond_its_bounds():
    counts = right([0.99, 0.7], examples=100)
    assert interval(sample(counts), 500, 0.95, 0, ACCURACY.bounds) == (0.0, 1.0)
    low, high = interval(sample(counts), 500, 0.95, 0)
    assert low < 0 and high > 1


@pytest.mark.parametrize(("spread", "seeds"), [(0.04, 3), (0.04, 5), (0.0, 3)])
def test_nineteen_in_twenty_intervals_cover_the_score_of_all_seeds_and_examples(spread, seeds):
    rng = np.random.default_rng(5)
    covered, trials, expected = 0, 400, _expected(0.8, spread)
    for trial in range(trials):
        skill = 0.8 + spread * rng.standard_normal(seeds)
        hardness = rng.normal(0, 0.15, 200)  # examples are hard or easy for all seeds alike
        hits = rng.random((seeds, 200)) < np.clip(skill[:, None] + hardness, 0, 1)
        counts = np.stack([hits, np.ones_like(hits)], -1).astype(np.int64)
        low, high = interval(sample(counts), 200, 0.95, trial)
        covered += low <= expected <= high
    assert 0.92 <= covered / trials <= 0.985


def _expected(mean, spread) -> float:
    """The share that seeds of this skill get right in the long run, with the clipping of the simulation."""
    draws = np.random.default_rng(0).normal(mean, np.hypot(spread, 0.15), 1_000_000)
    return float(np.clip(draws, 0, 1).mean())


def test_a_ratio_of_sums_is_resampled_as_a_whole():
    rng = np.random.default_rng(3)
    labels = list("abc")
    gold = [labels[i] for i in rng.integers(0, 3, 200)]
    predicted = [g if rng.random() < 0.7 else labels[rng.integers(0, 3)] for g in gold]
    metric = METRICS.load("macro_f1")
    counts = metric.counts(LabelOutcomes(gold, predicted, labels))
    naive = [float(metric.value(counts[rng.integers(0, 200, 200)].sum(axis=0))) for _ in range(4000)]
    ours = SumSample(counts[None], metric.value).resampled(4000, seed=5)[:, 0]
    assert (ours.mean(), ours.std()) == pytest.approx((np.mean(naive), np.std(naive)), abs=0.003)
    assert scipy.stats.ks_2samp(ours, naive).pvalue > 0.001


def test_difference_is_paired():
    counts = right([0.8])
    worse = counts.copy()
    worse[0, np.flatnonzero(counts[0, :, 0])[:40], 0] = 0  # B is right where A is, but for 40 of 400
    low, high = difference_interval(sample(counts), sample(worse), 5000, 0.95, seed=0)
    half = 1.96 * np.sqrt(0.1 * 0.9 / 400)
    assert (low, high) == pytest.approx((-0.1 - half, -0.1 + half), abs=0.005)
    assert difference_interval(sample(counts), sample(counts), 500, 0.95, seed=0) == (0.0, 0.0)


def test_same_seed_same_interval_however_it_is_cut(monkeypatch):
    counts = right([0.7, 0.6])
    whole = interval(sample(counts), 300, 0.9, seed=4)
    monkeypatch.setattr(samples, "BLOCK", 7)
    assert interval(sample(counts), 300, 0.9, seed=4) == whole
    assert interval(sample(counts), 300, 0.9, seed=5) != whole
