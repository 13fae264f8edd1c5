import pytest
import torch
import transformers

from jptransfer.config import ScheduleConfig
from jptransfer.registry import SCHEDULES
from jptransfer.training import schedules
from jptransfer.training.schedules import learns
from jptransfer.training.schedules.halving import HalvingConfig
from jptransfer.training.schedules.one_cycle import OneCycleConfig
from jptransfer.training.schedules.slanted_triangular import SlantedTriangularConfig

REFERENCES = {
    "linear": lambda o, w, n: transformers.get_linear_schedule_with_warmup(o, w, n),
    "cosine": lambda o, w, n: transformers.get_cosine_schedule_with_warmup(o, w, n),
    "constant": lambda o, w, n: transformers.get_constant_schedule_with_warmup(o, w),
}


@pytest.mark.parametrize("name", REFERENCES)
@pytest.mark.parametrize(("warmup", "steps"), [(0, 10), (3, 10), (10, 10), (5, 50)])
def test_same_factors_as_transformers(name, warmup, steps):
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    reference = REFERENCES[name](optimizer, warmup, steps)
    for step in range(steps):
        config = ScheduleConfig(name, float(warmup))
        found = SCHEDULES.load(name)(step, steps, config).rate
        assert found == pytest.approx(reference.get_last_lr()[0], abs=1e-12)
        optimizer.step()
        reference.step()


def test_warmup_is_a_share_below_one_and_a_number_from_one_on():
    assert schedules.warmup_steps(0.1, 1000) == 100
    assert schedules.warmup_steps(0.1, 15) == 2
    assert schedules.warmup_steps(10_000.0, 1_000_000) == 10_000
    assert schedules.warmup_steps(0.0, 10) == 0


def test_slanted_triangular_is_equation_3():
    config = ScheduleConfig(slanted_triangular=SlantedTriangularConfig(cut=0.1, ratio=32.0))
    steps, cut = 200, 20
    for step in range(steps):
        p = step / cut if step < cut else 1 - (step - cut) / (cut * (1 / 0.1 - 1))
        expected = (1 + p * (32 - 1)) / 32
        assert SCHEDULES.load("slanted_triangular")(step, steps, config).rate == pytest.approx(expected, abs=1e-12)
    assert SCHEDULES.load("slanted_triangular")(0, 1, config).rate == 1.0


@pytest.mark.parametrize("steps", [4, 10, 57])
@pytest.mark.parametrize("momentum", [[0.95, 0.85], [0.8, 0.7]])
def test_one_cycle_is_torchs(steps, momentum):
    config = ScheduleConfig(one_cycle=OneCycleConfig(momentum=momentum))
    optimizer = torch.optim.AdamW([torch.zeros(1, requires_grad=True)], lr=1.0, betas=(0.9, 0.99))
    reference = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, 1.0, steps, pct_start=0.3, div_factor=25.0, final_div_factor=1e4,
        max_momentum=momentum[0], base_momentum=momentum[1])
    for step in range(steps):
        found = SCHEDULES.load("one_cycle")(step, steps, config)
        assert found.rate == pytest.approx(optimizer.param_groups[0]["lr"], abs=1e-9)
        assert found.momentum == pytest.approx(optimizer.param_groups[0]["betas"][0], abs=1e-9)
        optimizer.step()
        if step + 1 < steps:
            reference.step()


def test_one_cycle_without_momentum_and_in_few_steps():
    config = ScheduleConfig(one_cycle=OneCycleConfig(momentum=[]))
    for steps in (1, 2, 3):
        factors = [SCHEDULES.load("one_cycle")(step, steps, config) for step in range(steps)]
        assert all(0 < found.rate <= 1 and found.momentum is None for found in factors)
    assert OneCycleConfig(momentum=[0.9]).validate() and not OneCycleConfig(momentum=[]).validate()


@pytest.mark.parametrize("steps", [100, 700, 12_500])
def test_halving_is_the_published_table(steps):
    config, eight = ScheduleConfig(halving=HalvingConfig(0.08, 10)), steps * 8 // 100
    starts = {number * eight: 1 / 2 ** number for number in range(11)}
    expected = 1.0
    for step in range(steps):
        expected = starts.get(step, expected)
        assert SCHEDULES.load("halving")(step, steps, config).rate == expected
    assert expected == 1 / 1024


def test_halving_after_a_number_of_steps_and_never():
    halving, once = SCHEDULES.load("halving"), ScheduleConfig(halving=HalvingConfig(3.0, 1))
    rates = [halving(step, 9, once).rate for step in range(9)]
    assert rates == [1.0] * 3 + [0.5] * 6
    never = ScheduleConfig(halving=HalvingConfig(0.1, 0))
    assert {SCHEDULES.load("halving")(step, 9, never).rate for step in range(9)} == {1.0}
    assert HalvingConfig(0.0).validate() and not HalvingConfig().validate()


def polynomial_decay(step: int, steps: int, warmup: int) -> float:
    """What TensorFlow's polynomial_decay of power 1 gives, overridden in the warm-up, as in BERT's optimization.py."""
    decayed = (1 - min(step, steps) / steps) ** 1.0
    is_warmup = float(step < warmup)
    return (1 - is_warmup) * decayed + (is_warmup * step / warmup if warmup else 0.0)


@pytest.mark.parametrize(("share", "steps", "warmup"), [
    (0.1, 1000, 100), (0.1, 107, 10), (0.0, 10, 0), (10_000.0, 50_000, 10_000), (7.0, 7, 7)])
def test_bert_linear_is_berts_own(share, steps, warmup):
    config = ScheduleConfig("bert_linear", share)
    for step in range(0, steps, max(1, steps // 500)):
        expected = polynomial_decay(step, steps, warmup)
        assert SCHEDULES.load("bert_linear")(step, steps, config).rate == pytest.approx(expected, abs=1e-12)


def test_right_after_a_warm_up_of_a_tenth_berts_rate_is_nine_tenths_of_the_peak():
    assert SCHEDULES.load("bert_linear")(100, 1000, ScheduleConfig("bert_linear", 0.1)).rate == pytest.approx(0.9)
    assert SCHEDULES.load("linear")(100, 1000, ScheduleConfig("linear", 0.1)).rate == 1.0


@pytest.mark.parametrize(("div", "cut_div"), [(8, 3), (8, 8), (32, 10)])
def test_slanted_triangular_is_the_clr_of_fastai_of_2018(div, cut_div):
    """Its use_clr=(div, cut_div): from peak / div to the peak in a cut_div-th of the updates, and back."""
    steps = 240
    config = ScheduleConfig(slanted_triangular=SlantedTriangularConfig(cut=1 / cut_div, ratio=float(div)))
    cut = steps // cut_div
    for step in range(steps):
        share = step / cut if step <= cut else 1 - (step - cut) / (cut * (cut_div - 1))
        expected = (1 + share * (div - 1)) / div
        assert SCHEDULES.load("slanted_triangular")(step, steps, config).rate == pytest.approx(expected, abs=1e-9)


def test_a_single_update_of_warm_up_learns_nothing():
    assert not learns(1, ScheduleConfig("linear", warmup=0.1))
    assert learns(2, ScheduleConfig("linear", warmup=0.1)) and learns(1, ScheduleConfig("linear", warmup=0.0))
