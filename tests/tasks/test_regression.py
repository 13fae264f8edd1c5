"""What only a regression does; what every kind does is in test_contract.py."""

import numpy as np
import pytest

from jptransfer.tasks.regression import Regression, ValuePrediction

GOLD = np.random.default_rng(0).normal(3, 1, 50)


def found(predicted) -> str:
    rows = [ValuePrediction(str(number), "x", float(gold), float(value))
            for number, (gold, value) in enumerate(zip(GOLD, predicted, strict=True))]
    return Regression().collapsed(rows)


def test_the_same_number_for_every_text_is_named():
    assert found(np.full(50, 3.0)) == "predicts only 3"


def test_nearly_the_same_number_is_named_whatever_the_order():
    assert found(3 + 1e-3 * (GOLD - 3)).startswith("predicts nearly the same number for every text, 2.99")


def test_numbers_worse_than_the_mean_are_named():
    mean, message = float(GOLD.var()), found(10 * GOLD)
    assert message.startswith("is worse than the mean of the gold numbers: mse ")
    assert message.endswith(f"that of the mean is {mean:.6g}")


@pytest.mark.parametrize("predicted", [GOLD, 0.5 * GOLD + 1.5, GOLD + 0.9], ids=["right", "shrunk", "offset"])
def test_a_model_that_learnt_something_is_not_marked(predicted):
    assert found(predicted) == ""


def test_gold_without_spread_says_nothing_of_the_model():
    rows = [ValuePrediction(str(number), "x", 2.0, 2.0) for number in range(3)]
    assert Regression().collapsed(rows) == ""
