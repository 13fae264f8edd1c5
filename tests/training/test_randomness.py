import numpy as np
from scipy import stats

from jptransfer.training.randomness import bits, derive


def test_uniform_in_every_dimension_of_its_keys():
    numbers = bits(7, np.arange(400)[:, None], np.arange(400)) * 2.0**-64
    assert numbers.shape == (400, 400)
    assert stats.kstest(numbers.ravel(), "uniform").pvalue > 1e-3
    assert abs(np.corrcoef(numbers[:-1].ravel(), numbers[1:].ravel())[0, 1]) < 0.01
    assert abs(np.corrcoef(numbers[:, :-1].ravel(), numbers[:, 1:].ravel())[0, 1]) < 0.01


def test_numbers_belong_to_their_keys_not_to_the_call():
    whole = bits(1, 2, np.arange(10)[:, None], np.arange(6))
    np.testing.assert_array_equal(whole[[7, 3], :4], bits(1, 2, np.array([[7], [3]]), np.arange(4)))
    assert bits(1, 2) != bits(2, 1)


def test_one_more_key_is_the_same_now_or_later():
    states = bits(1, np.arange(10))
    np.testing.assert_array_equal(derive(states[:, None], np.arange(6)), bits(1, np.arange(10)[:, None], np.arange(6)))


def test_bits_are_those_of_splitmix64():
    """First outputs of the generator seeded with 0: key and state only differ in their place before the first."""
    assert [int(bits(0)[0])] == [0xE220A8397B1DCDAF]
    assert int(derive(np.array([0x9E3779B97F4A7C15], np.uint64), 0)[0]) == 0x6E789E6AA1B965F4
