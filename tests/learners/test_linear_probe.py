"""Linear models on features: few examples and few or many classes."""

import numpy as np
import pytest

from jptransfer.config import ClassWeights
from jptransfer.learners.linear_probe import FITS
from jptransfer.learners.linear_probe_settings import LinearProbeConfig, Penalty

STRENGTHS = [0.01, 1.0]


@pytest.mark.parametrize("weights", ClassWeights)
@pytest.mark.parametrize("penalty", Penalty)
@pytest.mark.parametrize(("targets", "outputs"), [([1] * 5, 2), ([2] * 5, 3), ([0, 1, 1], 2), ([0, 1, 2], 3)])
def test_few_examples_and_a_single_class(targets, outputs, penalty, weights):
    rows = np.random.default_rng(0).normal(size=(len(targets), 8)).astype(np.float32)
    config = LinearProbeConfig(penalty=penalty, c=STRENGTHS, class_weights=weights)
    found = list(FITS["cross_entropy"](rows, np.array(targets), outputs, config))
    assert [made.c for made in found] == STRENGTHS
    absent = sorted(set(range(outputs)) - set(targets))
    for made in found:
        scores = rows @ made.weight + made.bias
        assert np.isneginf(scores[:, absent]).all()
        assert np.isfinite(np.delete(scores, absent, axis=1)).all()
        if len(set(targets)) == 1:
            assert (scores.argmax(1) == targets).all()
