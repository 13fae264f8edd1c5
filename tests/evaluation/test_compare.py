"""Comparisons of stored evaluations."""

import pytest

from jptransfer.config import CompareConfig
from jptransfer.errors import ArtifactError, ConfigError
from jptransfer.evaluation.compare import compare, compare_evaluations

GOLD = ["良い", "悪い"] * 30
FLIP = {"良い": "悪い", "悪い": "良い"}


def wrong_at(*places: int) -> list[str]:
    return [FLIP[label] if i in places else label for i, label in enumerate(GOLD)]


def test_one_run_each(store):
    a, b = store("a", GOLD, wrong_at(*range(20))), store("b", GOLD, wrong_at(0, 1, 40, 41))
    found = compare([a], [b], with_mcnemar=True)
    assert (found.metric, found.examples, found.split) == ("accuracy", 60, "test")
    assert (found.a.mean, found.b.mean, found.difference) == pytest.approx((40 / 60, 56 / 60, 16 / 60))
    low, high = found.interval
    assert 0 < low < 16 / 60 < high
    assert found.p_value < 0.01 and found.b_is_better
    names = [test.name.partition(" of ")[0] for test in found.tests]
    assert names == ["approximate randomisation", *["McNemar's test"] * 2]
    assert [test.p_value for test in found.tests][1] == pytest.approx(2 * (1 + 20 + 190) / 2**20)
    assert [d.id for d in found.differing if d.gain < 0] == ["e40", "e41"]
    assert len(found.differing) == 20
    gold, right_a, right_b = 30, 20, 28
    for one in found.labels:
        if one.label != "普通":  # what is wrong of one label is said to be the other: as many of each
            assert (one.a, one.b, one.support) == pytest.approx((right_a / gold, right_b / gold, gold))
    assert [(one.label, one.support) for one in found.labels] == [("悪い", 30), ("普通", 0), ("良い", 30)]
    assert "悪い  0.6667  0.9333  +0.2667       30" in found.text()
    assert "良い  0.6667  0.9333  +0.2667       30    1,234" in found.text({"良い": 1234})
    text = found.text()
    assert "B - A  +0.2667  [" in text and "B better on 18 examples, A on 2" in text


def test_several_seeds_and_a_metric_where_less_is_better(store):
    a = [store(f"a{i}", GOLD, wrong_at(*range(10 + i))) for i in range(3)]
    b = [store(f"b{i}", GOLD, wrong_at(i)) for i in range(3)]
    found = compare(a, b, metric="error_rate", trials=500)
    assert found.a.values == pytest.approx((10 / 60, 11 / 60, 12 / 60))
    assert found.difference == pytest.approx((1 - 11) / 60)
    assert found.b_is_better and not found.higher_is_better
    assert "(3 seeds, 0.1667 to 0.2000)" in found.text() and "over examples and seeds" in found.text()
    assert [test.name.partition(" of ")[0] for test in compare(a, b, with_mcnemar=True).tests] == [
        "approximate randomisation", *["Durkalski's clustered McNemar test"] * 2]


def test_one_test_is_printed_unless_others_are_asked_for(store):
    a, b = store("a", GOLD, wrong_at(*range(20))), store("b", GOLD, wrong_at(0))
    assert compare([a], [b]).text().count("p = ") == 1
    assert compare_evaluations(CompareConfig(a="a", b="b", mcnemar=True), [a], [b]).text().count("p = ") == 3


def test_a_collapsed_seed_is_named_and_not_called_a_difference(store):
    """82.4 and 59.4 against 82: significant by the test over examples, which takes the seeds as they are."""
    a = [store(f"a{i}", GOLD, wrong_at(*range(10 + i))) for i in range(2)]
    b = [store("b0", GOLD, wrong_at(*range(5, 15))), store("b1", GOLD, ["良い"] * len(GOLD))]
    found = compare(a, b)
    assert found.difference < -0.1 and found.p_value < 0.05
    assert found.interval[0] < 0 < found.interval[1] and found.hidden_by_seeds and not found.significant
    assert found.collapsed == ["B, run 2: predicts only '良い'"]
    assert "not significant: other seeds could reverse it" in found.text() and "predicts only" in found.text()


def test_without_an_interval_several_seeds_are_not_called_different(store):
    a = [store(f"a{i}", GOLD, wrong_at(*range(10 + i))) for i in range(2)]
    b = [store("b0", GOLD, wrong_at(*range(5, 15))), store("b1", GOLD, ["良い"] * len(GOLD))]
    found = compare(a, b, bootstrap=0)
    assert found.p_value < 0.05 and found.interval is None and not found.significant
    assert "not significant: without an interval (bootstrap=0)" in found.text()
    one = compare(a[:1], b[1:], bootstrap=0)
    assert one.significant and "not significant" not in one.text()


def test_an_evaluation_is_one_run_however_often_it_is_given(store):
    a, b = store("a", GOLD, wrong_at(*range(20))), store("b", GOLD, wrong_at(0))
    with pytest.raises(ConfigError, match="B: b is given twice"):
        compare_evaluations(CompareConfig(a="a", b="b,b"), [a], [b, b])


def test_a_deterministic_model_against_seeds(store):
    a = [store("a", GOLD, wrong_at(*range(10)))]
    b = [store(f"b{i}", GOLD, wrong_at(i)) for i in range(3)]
    assert compare(a, b, bootstrap=0, trials=500).interval is None


def test_order_of_sides_only_turns_the_sign(store):
    a, b = store("a", GOLD, wrong_at(1, 2, 3)), store("b", GOLD, wrong_at(5))
    one, other = compare([a], [b]), compare([b], [a])
    assert one.difference == -other.difference
    assert one.interval == pytest.approx((-other.interval[1], -other.interval[0]), abs=0.02)
    assert one.p_value == pytest.approx(other.p_value, abs=0.05)


def test_an_evaluation_against_itself(store):
    a = store("a", GOLD, wrong_at(1, 2, 3))
    same = compare([a], [a], trials=100)
    assert (same.difference, same.interval, same.p_value, same.differing) == (0.0, (0.0, 0.0), 1.0, [])


def test_settings_come_from_the_configuration(store):
    a, b = store("a", GOLD, wrong_at(1, 2, 3)), store("b", GOLD, GOLD)
    config = CompareConfig(a="a", b="b", metric="macro_f1", trials=200, bootstrap=100, confidence=0.9, seed=4)
    assert compare_evaluations(config, [a], [b]) == compare([a], [b], "test", "macro_f1", 200, 100, 0.9, 4)


def test_mistakes_are_one_line(store):
    a, b = store("a", GOLD, GOLD), store("b", GOLD[:-2], GOLD[:-2])
    with pytest.raises(ArtifactError, match="60 and 58 examples"):
        compare([a], [b])
    with pytest.raises(ConfigError, match="did you mean 'macro_f1'"):
        compare([a], [a], metric="macro-f1")
    with pytest.raises(ConfigError, match="unknown metric of a classification task 'entity_f1'"):
        compare([a], [a], metric="entity_f1")
    with pytest.raises(ConfigError, match="unknown split 'validation'"):
        compare([a], [a], split="validation")
    with pytest.raises(ConfigError, match="at least one"):
        compare([], [a])
