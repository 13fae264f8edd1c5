import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from jptransfer.config import PhaseConfig, ScheduleConfig
from jptransfer.errors import ConfigError
from jptransfer.training.context import TrainingContext
from jptransfer.training.loop import evaluate_objective
from jptransfer.training.phases import Phase, TrainSpec, make_phases, train_phases
from jptransfer.training.types import LoopSettings, ParameterGroup
from tests.training.tiny import Points, SquaredError, cpu, small_network

pytestmark = pytest.mark.slow

STEPS = 6
SETTINGS = LoopSettings(
    steps=STEPS, learning_rate=0.02, record_every=2, evaluate_at=frozenset({3, STEPS}), metric_for_best_model="loss",
    lower_is_better=True)


class KilledError(Exception):
    pass


class Deadly(SquaredError):  # noqa: N818
    """Ends the run in the middle of update `after` + 1, counted over all phases."""

    def __init__(self, after: int) -> None:
        self.left = 4 * after + 2

    def __call__(self, model, batch):
        self.left -= model.training
        if self.left < 0:
            raise KilledError
        return super().__call__(model, batch)


def evaluate(model, context):
    return {"loss": evaluate_objective(model, SquaredError(), Points(), context).loss}


def run(work, objective=None, settings=SETTINGS, scores=evaluate):
    """The last layer alone, then both; returns weights, history without times, and result."""
    model = small_network()
    layers = {"low": model[0], "head": model[3]}
    groups = [ParameterGroup(list(layer.parameters())) for layer in layers.values()]
    phases = [Phase("last", settings, groups[1:]), Phase("all", settings, groups)]
    context = TrainingContext(cpu(checkpoint_seconds=0.0))
    result = train_phases(model, TrainSpec(objective or SquaredError(), Points(), scores), phases, context, work)
    return {name: value.numpy() for name, value in model.state_dict().items()}, result.history, result


def test_records_name_their_phase_and_count_on(tmp_path):
    _, history, result = run(tmp_path)
    train = [record for record in history if record["split"] == "train"]
    assert [(record["phase"], record["step"]) for record in train] == [
        ("last", 2), ("last", 4), ("last", 6), ("all", 8), ("all", 10), ("all", 12)]
    assert [record["step"] for record in history if record["split"] == "validation"] == [3, 6, 9, 12]
    # Four updates make an epoch: the second phase begins with the third one, in a new order.
    assert [record["epoch"] for record in train] == [0.5, 1.0, 1.5, 2.5, 3.0, 3.5]
    assert [record["tokens"] for record in train] == [80 * record["step"] for record in train]
    assert result.steps == 12 and (tmp_path / "phase-2" / "history.jsonl").is_file()
    assert json.loads((tmp_path / "phase-2" / "history.jsonl").read_text().splitlines()[0])["step"] == 8


@pytest.mark.parametrize("after", range(2 * STEPS))
def test_killed_at_any_update_and_restarted_is_never_stopped(tmp_path, after):
    whole = run(tmp_path / "whole")
    with pytest.raises(KilledError):
        run(tmp_path / "killed", Deadly(after))
    weights, history, result = run(tmp_path / "killed")
    assert history == whole[1] and result.best_step == whole[2].best_step
    assert all(np.array_equal(weights[name], value) for name, value in whole[0].items())


def test_the_best_weights_of_all_phases_are_kept(tmp_path):
    values = iter([3.0, 1.0, 2.0, 2.5])
    seen = []

    def scripted(model, context):
        seen.append({name: value.clone() for name, value in model.state_dict().items()})
        return {"loss": next(values)}

    weights, _, result = run(tmp_path, scores=scripted)
    assert (result.best_step, result.steps, result.metrics) == (6, 12, {"loss": 1.0})
    assert all(np.array_equal(weights[name], value) for name, value in seen[1].items())


def test_which_parameters_move(tmp_path):
    start = small_network().state_dict()
    seen = []

    def look(model, context):
        seen.append({name: not torch.equal(value, start[name]) for name, value in model.state_dict().items()})
        return {"loss": -len(seen)}

    run(tmp_path, settings=replace(SETTINGS, evaluate_at=frozenset({STEPS})), scores=look)
    assert [name for name, moved in seen[0].items() if moved] == ["3.weight", "3.bias"]
    assert all(seen[1].values())


GROUPS = {name: {name: torch.nn.Parameter(torch.zeros(1))} for name in ("embeddings", "layer.0", "layer.1", "head")}


def phases_of(**configs):
    return make_phases(configs, GROUPS, ["embeddings"], lambda decay: dict.fromkeys(GROUPS, decay or 1.0),
                       lambda phase: replace(SETTINGS, steps=round(10 * (3 if phase.epochs is None else phase.epochs))))


def rates(phase: Phase) -> dict[str, float]:
    names = {id(parameter): name for group in GROUPS.values() for name, parameter in group.items()}
    return {names[id(parameter)]: group.rate for group in phase.groups for parameter in group.parameters}


def test_a_phase_of_a_configuration():
    halved = PhaseConfig(epochs=0.5, lr_multiplier=0.5, unfreeze=["last 2"], lr_multipliers={"head": 4.0})
    first, rest = phases_of(first=halved, rest=PhaseConfig(layerwise_lr_decay=0.3))
    assert (first.settings.steps, first.settings.learning_rate) == (5, 0.01)
    assert rates(first) == {"layer.1": 1.0, "head": 4.0}
    assert (rest.settings.steps, rest.settings.learning_rate) == (30, 0.02)
    assert rates(rest) == {"layer.0": 0.3, "layer.1": 0.3, "head": 0.3}  # `embeddings` is frozen for good


def test_a_phase_of_nothing():
    with pytest.raises(ConfigError, match="phase 'first': unfreeze and freeze leave nothing"):
        phases_of(first=PhaseConfig(unfreeze=["embeddings"]))
    with pytest.raises(ConfigError, match=r"did you mean 'layer.1'"):
        phases_of(first=PhaseConfig(lr_multipliers={"layer1": 1.0}))


def test_a_phase_may_have_a_schedule_of_its_own():
    configs = {"first": PhaseConfig(schedule=ScheduleConfig("constant", 0.0)), "second": PhaseConfig()}
    phases = make_phases(configs, GROUPS, [], lambda decay: dict.fromkeys(GROUPS, 1.0), lambda config: SETTINGS)
    assert [phase.settings.schedule.name for phase in phases] == ["constant", SETTINGS.schedule.name]
    assert SETTINGS.schedule.name != "constant"
