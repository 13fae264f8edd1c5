import pytest

from jptransfer.report import numbers


@pytest.mark.parametrize("value, metric, text", [
    (0.8421, "accuracy", "84.2"), (1.0, "entity_f1", "100.0"), (0.8421, "kappa", "0.842"), (-0.05, "kappa", "−0.050"),
    (21.3, "perplexity", "21.300")])
def test_score(value, metric, text):
    assert numbers.score(value, metric) == text


@pytest.mark.parametrize("value, text", [(0.031, "+3.1"), (-0.031, "−3.1"), (0.0, "0.0"), (-0.0001, "0.0")])
def test_difference(value, text):
    assert numbers.difference(value, "accuracy") == text


@pytest.mark.parametrize("p, text", [
    (0.0001, "p < .001"), (0.0012, "p = .001"), (0.05, "p = .050"), (0.4101, "p = .410"), (1.0, "p = 1"),
    (0.9996, "p = 1")])
def test_p_values_as_journals_write_them(p, text):
    assert numbers.p_sentence(p) == text


def test_intervals_and_counts():
    assert numbers.interval((0.012, 0.049), "accuracy") == "[1.2, 4.9]"
    assert numbers.interval((-0.012, 0.049), "accuracy", signed=True) == "[−1.2, +4.9]"
    assert numbers.interval(None, "accuracy") == ""
    assert numbers.count(1, "seed") == "1 seed" and numbers.count(12000, "example") == "12,000 examples"
    assert numbers.title("entity_f1") == "Entity F1"
