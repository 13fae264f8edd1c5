import numpy as np
from scipy import stats

from jptransfer.training.randomness import uniform


def test_uniform_in_every_dimension_of_its_keys():
    numbers = uniform(7, np.arange(400)[:, None], np.arange(400))
    assert numbers.shape == (400, 400)
    assert stats.kstest(numbers.ravel(), "uniform").pvalue > 1e-3
    assert abs(np.corrcoef(numbers[:-1].ravel(), numbers[1:].ravel())[0, 1]) < 0.01
    assert abs(np.corrcoef(numbers[:, :-1].ravel(), numbers[:, 1:].ravel())[0, 1]) < 0.01


def test_numbers_belong_to_their_keys_not_to_the_call():
    whole = uniform(1, 2, np.arange(10)[:, None], np.arange(6))
    np.testing.assert_array_equal(whole[[7, 3], :4], uniform(1, 2, np.array([[7], [3]]), np.arange(4)))
    assert uniform(1, 2) != uniform(2, 1)
