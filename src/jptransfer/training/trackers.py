"""Experiment trackers (TensorBoard, W&B, trackio) through Accelerate's classes: one tracker run per artifact."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterator, Mapping, Sequence
from enum import Enum
from pathlib import Path
from typing import Any

from accelerate import tracking

from jptransfer.config import Tracker
from jptransfer.errors import ConfigError

PROJECT = "jptransfer"
"""Project name of the runs, for trackers with projects."""


def open_trackers(kinds: Sequence[Tracker], name: str, folder: Path, settings: Any) -> list[tracking.GeneralTracker]:
    """Start the trackers `kinds` for the run `name`; an interrupted run continues under the same name.

    Args:
        folder: folder of all files that the trackers write on this machine.
        settings: dataclass of settings by which the run can be found.

    Raises:
        ConfigError: a tracker's package is not installed.
    """
    available = tracking.get_available_trackers()
    for kind in kinds:
        if tracking.LoggerType(kind.value) not in available:
            raise ConfigError(f"runtime.trackers: {kind.value} is not installed: "
                              f"pip install 'jptransfer[{kind.value}]'")
    if not kinds:
        return []
    folder.mkdir(parents=True, exist_ok=True)
    # trackio reads its folder only from the environment, when it is first imported.
    os.environ.setdefault("TRACKIO_DIR", str(folder / "trackio"))
    opened = [_create(kind, name, folder) for kind in dict.fromkeys(kinds)]
    for tracker in opened:
        tracker.start()
        tracker.store_init_configuration(dict(flatten(dataclasses.asdict(settings))))
    return opened


def _create(kind: Tracker, name: str, folder: Path) -> tracking.GeneralTracker:
    if kind is Tracker.tensorboard:
        return tracking.TensorBoardTracker(name, folder)
    if kind is Tracker.wandb:
        return tracking.WandBTracker(PROJECT, name=name, id=name, resume="allow", dir=str(folder))
    return _Trackio(PROJECT, name=name, resume="allow")


class _Trackio(tracking.TrackioTracker):
    def finish(self) -> None:
        # After Accelerate's own `finish`, trackio ends the run a second time at exit and prints to standard output.
        import trackio

        trackio.finish()


def flatten(settings: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield (dotted path, value) of every setting that is a number, a string, a boolean or a name."""
    for key, value in settings.items():
        if isinstance(value, Mapping):
            yield from flatten(value, f"{prefix}{key}.")
        elif isinstance(value, Enum):
            yield prefix + key, value.value
        elif isinstance(value, bool | int | float | str):
            yield prefix + key, value
