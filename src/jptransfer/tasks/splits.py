"""Splits of a `dataset` artifact and their roles: what fine-tuning fits and selects on, what a search may see."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Literal

from jptransfer.config.plain import from_plain
from jptransfer.config.task import RolesConfig
from jptransfer.errors import DataError, raising_as
from jptransfer.tasks.base import Task
from jptransfer.tasks.files import dataset_splits, read_examples


def read_roles(folder: Path) -> RolesConfig:
    """Return the roles that a `dataset` artifact declares in its ``task.json``."""
    with raising_as(f"{folder}: task.json is damaged"):
        declared = json.loads((folder / "task.json").read_text(encoding="utf-8")).get("roles", {})
        return from_plain(RolesConfig, declared).resolved(dataset_splits(folder))


def read_role(task: Task, folder: Path, role: Literal["fit", "select", "search"]) -> list[Any]:
    """Read the examples of the split that has a role; none if the data set has no such split.

    The role `final` is left out: only the stage `evaluate` reads splits by name.

    Raises:
        DataError: there is no split to fit on, or the role was given to the split of `final`.
    """
    roles = read_roles(folder)
    split = getattr(roles, role)
    if split == roles.final:
        raise DataError(f"{folder}: the split '{split}' is for the final evaluation and not for the role '{role}'")
    return read_examples(task, folder, split) if role == "fit" or split in dataset_splits(folder) else []
