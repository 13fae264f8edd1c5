"""Scores over seeds, worked by hand."""

import pytest

from jptransfer.evaluation.aggregate import aggregate


def test_five_seeds_give_the_mean_of_three():
    runs = aggregate([0.5, 0.9, 0.6, 0.7, 0.8])
    assert (runs.mean, runs.trimmed) == pytest.approx((0.7, 0.7))
    assert runs.std == pytest.approx((0.1 / 4) ** 0.5)  # squares .04 + .04 + .01 + 0 + .01 over n - 1
    assert aggregate([0.0, 0.6, 0.6, 0.6, 0.9]).trimmed == pytest.approx(0.6)
    assert str(runs) == "0.7000 ± 0.1581 (5 seeds, 0.5000 to 0.9000)"


def test_few_seeds():
    assert aggregate([0.25]) == aggregate([0.25])
    assert (aggregate([0.25]).std, aggregate([0.25]).trimmed, str(aggregate([0.25]))) == (0.0, None, "0.2500")
    assert aggregate([0.1, 0.3]).trimmed is None
    assert aggregate([0.1, 0.2, 0.9]).trimmed == pytest.approx(0.2)
