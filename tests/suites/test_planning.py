from pathlib import Path

import pytest

from jptransfer.artifacts import Artifact, Manifest
from jptransfer.errors import ConfigError
from jptransfer.pipeline import Plan, PlannedStage, State
from jptransfer.suites import library
from jptransfer.suites.planning import Choice, estimate, plan_suite


class FakeNode:
    kind = "task_model"

    def __init__(self, **config):
        self.recipe = {"stage": "finetune", "config": config, "inputs": {"dataset": "new"}}


class FakeStore:
    def __init__(self, *made):
        self.made = [Artifact(Path(), Manifest("task_model", "m", str(number) * 64, seconds=seconds, recipe={
            "stage": stage, "config": config, "inputs": {}})) for number, (stage, seconds, config) in enumerate(made)]

    def all(self, kind):
        return self.made


def plan(*nodes):
    return Plan([PlannedStage(node, State.missing, None, True) for node in nodes], list(nodes))


def test_the_nearest_of_the_same_stage_tells_how_long():
    far = {str(number): number for number in range(9)}
    store = FakeStore(("finetune", 5.0, {"a": 1, "b": 1}), ("finetune", 7.0, {"a": 1, "b": 2}),
                      ("evaluate", 1.0, {"a": 2, "b": 2}), ("finetune", 900.0, far))
    assert estimate(plan(FakeNode(a=1, b=2)), store) == (7.0, 0)
    assert estimate(plan(FakeNode(a=1, b=1), FakeNode(x=1, y=2, z=3, w=4)), store) == (5.0, 1)


def test_a_cell_in_none_of_the_rows_is_told():
    (suite,) = library.find("johnson2019/table6")
    with pytest.raises(ConfigError, match=r"^johnson2019/table6: cell 'crf_knbc/none' is in no row of only=\[bccwj\]"):
        plan_suite(suite, Choice("toy", ["bccwj"], ["bccwj/none", "crf_knbc/none"]), None, None)
