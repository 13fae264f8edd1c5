"""The L1 path against LIBLINEAR, which has the same objective, and conditions that every minimum meets."""

import warnings

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from jptransfer.learners.l1_path import l1_path

CS = [2.0 ** power for power in range(-8, 1)]


def data(examples: int, features: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    common = random.standard_normal((examples, 8)) @ random.standard_normal((8, features)) * 0.3
    x = np.tanh(common + random.standard_normal((examples, features))).astype(np.float32)
    weights = np.where(random.random(features) < 0.1, random.standard_normal(features), 0)
    return x, random.random(examples) < 1 / (1 + np.exp(-x @ weights - 0.5))


def objective(x, positive, c, weight, bias, factors=1.0):
    losses = np.logaddexp(0, -np.where(positive, 1, -1) * (x.astype(np.float64) @ weight + bias))
    return np.abs(weight).sum() + abs(bias) + c * (factors * losses).sum()


def liblinear(x, positive, c, factors=None):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = LogisticRegression(penalty="l1", solver="liblinear", C=c, tol=1e-6, max_iter=5000)
        model.fit(x.astype(np.float64), positive, sample_weight=factors)
    return model.coef_[0], model.intercept_[0]


@pytest.mark.parametrize(("examples", "features"), [(400, 30), (150, 300), (60, 1)])
def test_the_objective_is_that_of_liblinear(examples, features):
    x, positive = data(examples, features)
    for found in l1_path(x, positive, CS):
        peer = objective(x, positive, found.c, *liblinear(x, positive, found.c))
        ours = objective(x, positive, found.c, found.weight, found.bias)
        assert ours == pytest.approx(found.objective, rel=1e-5)
        assert ours <= peer * (1 + 1e-4) and ours - max(found.gap, 1e-6 * ours) <= peer * (1 + 1e-6)


def test_every_solution_meets_the_conditions_of_a_minimum():
    x, positive = data(300, 40, seed=1)
    *_, last = l1_path(x, positive, [0.05, 0.2], gap=1e-9)
    scores = x.astype(np.float64) @ last.weight + last.bias
    signs = np.where(positive, 1.0, -1.0)
    slope = last.c * x.T.astype(np.float64) @ (signs / (1 + np.exp(signs * scores)))
    assert 0 < np.count_nonzero(last.weight) < 40
    assert np.allclose(slope[last.weight != 0], np.sign(last.weight[last.weight != 0]), atol=2e-3)
    assert np.abs(slope[last.weight == 0]).max() <= 1 + 2e-3


def test_an_example_of_weight_two_is_two_examples():
    x, positive = data(120, 20, seed=2)
    factors = np.where(np.arange(120) < 40, 2.0, 1.0)
    twice = np.concatenate([x, x[:40]]), np.concatenate([positive, positive[:40]])
    pairs = zip(l1_path(x, positive, [0.5], factors, gap=1e-8), l1_path(*twice, [0.5], gap=1e-8), strict=True)
    for one, other in pairs:
        assert one.objective == pytest.approx(other.objective, rel=1e-6)
        assert np.allclose(one.weight, other.weight, atol=1e-2)


def test_hard_inputs(tmp_path):
    x, positive = data(200, 12, seed=3)
    equal = np.concatenate([x, x, np.zeros((200, 2), np.float32)], 1)  # columns twice, and of zeros
    for found in l1_path(equal, positive, CS):
        assert found.objective <= objective(x, positive, found.c, *liblinear(x, positive, found.c)) * (1 + 1e-4)
    separable = np.where(positive, 1.0, -1.0).astype(np.float32)[:, None]
    assert [found.weight[0] > 0 for found in l1_path(separable, positive, [1.0, 1e4])] == [True, True]
    one_class = next(l1_path(x, np.ones(200, dtype=bool), [1.0]))
    assert one_class.bias > 0 and np.isfinite(one_class.objective)
    np.save(tmp_path / "x.npy", x)
    mapped = np.load(tmp_path / "x.npy", mmap_mode="r")
    for one, other in zip(l1_path(mapped, positive, CS), l1_path(x, positive, CS), strict=True):
        assert np.array_equal(one.weight, other.weight)
