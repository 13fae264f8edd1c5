import pytest
import torch
import transformers

from jptransfer.training import schedules

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
        assert getattr(schedules, name)(step, warmup, steps) == pytest.approx(reference.get_last_lr()[0], abs=1e-12)
        optimizer.step()
        reference.step()


def test_warmup_is_a_share_below_one_and_a_number_from_one_on():
    assert schedules.warmup_steps(0.1, 1000) == 100
    assert schedules.warmup_steps(0.1, 15) == 2
    assert schedules.warmup_steps(10_000.0, 1_000_000) == 10_000
    assert schedules.warmup_steps(0.0, 10) == 0
