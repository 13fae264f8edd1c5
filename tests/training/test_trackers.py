"""What trackers hold of a run; read back with TensorBoard's own reader."""

from dataclasses import replace

import pytest

from jptransfer.config import Tracker
from jptransfer.errors import ConfigError
from jptransfer.training import trackers
from jptransfer.training.context import TrainingContext
from jptransfer.training.loop import train
from jptransfer.training.trackers import flatten
from tests.training.test_loop import SETTINGS, evaluate
from tests.training.tiny import Points, SquaredError, cpu, small_network


def run(tmp_path, title):
    runtime = replace(cpu(trackers=[Tracker.tensorboard], tracker_dir=str(tmp_path / "seen")), title=title)
    context = TrainingContext(runtime)
    return train(small_network(), SquaredError(), Points(), SETTINGS, context, tmp_path / title, evaluate)


def test_every_run_has_a_folder_of_its_own_with_its_curves(tmp_path):
    reader = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    results = {title: run(tmp_path, title) for title in ("toy-1", "toy-2")}
    for title, result in results.items():
        events = reader.EventAccumulator(str(tmp_path / "seen" / title))
        events.Reload()
        for split in ("train", "validation"):
            curve = [(event.step, event.value) for event in events.Scalars(f"{split}/loss")]
            records = [record for record in result.history if record["split"] == split]
            assert curve == [(record["step"], pytest.approx(record["loss"])) for record in records]


def test_a_missing_package_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(trackers.tracking, "get_available_trackers", list)
    with pytest.raises(ConfigError, match=r"tensorboard is not installed: pip install 'jptransfer\[tensorboard\]'"):
        run(tmp_path, "toy")


def test_settings_are_shown_flat():
    settings = {"a": {"b": 1, "c": Tracker.wandb, "d": None, "e": [1]}, "f": True}
    assert dict(flatten(settings)) == {"a.b": 1, "a.c": "wandb", "f": True}
