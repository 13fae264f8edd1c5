"""Single units: thresholds by trying all of them, and a planted unit."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from jptransfer.learners.units import best_thresholds, contributions


def by_trying(values, positive):
    """The most examples that any threshold and direction decide correctly."""
    cuts = [-np.inf, *((a + b) / 2 for a, b in zip(*[sorted(set(values))[i:] for i in (0, 1)], strict=False)), np.inf]
    return max(max(((values > cut) == positive).sum(), ((values <= cut) == positive).sum()) for cut in cuts)


@given(rows=arrays(np.float32, (9, 3), elements=st.sampled_from([-2.0, -0.5, 0.0, 1.0, 3.0])),
       positive=arrays(bool, 9))
def test_no_threshold_is_better(rows, positive):
    found = best_thresholds(rows, positive)
    for unit in range(3):
        decided = found.predict(unit, rows[:, unit])
        assert (decided == positive).sum() == by_trying(rows[:, unit], positive)
        assert found.accuracy[unit] == pytest.approx((decided == positive).mean())


def test_a_planted_unit_is_found_with_its_sign():
    random = np.random.default_rng(0)
    rows, positive = random.standard_normal((400, 700)).astype(np.float32), random.random(400) < 0.4
    rows[:, 611] = np.where(positive, -1.0, 1.0) + 0.3 * random.standard_normal(400)
    found = best_thresholds(rows, positive)
    assert found.accuracy.argmax() == 611 and found.accuracy[611] > 0.98
    assert found.polarity[611] == -1 and abs(found.threshold[611]) < 0.5


def test_contributions_weigh_by_spread():
    rows = np.array([[1.0, 10.0], [-1.0, -10.0]], dtype=np.float32)
    assert contributions(np.array([2.0, 0.2]), rows) == pytest.approx([0.5, 0.5])
    assert contributions(np.zeros(2), rows) == pytest.approx([0, 0])
