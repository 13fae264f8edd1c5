"""Task configurations as the command line composes them."""

from __future__ import annotations

import pytest
from hydra import compose, initialize_config_dir

from jptransfer.commands import VERBS
from jptransfer.commands.compose import register, typed
from jptransfer.resources import resource


@pytest.fixture(scope="session")
def task_config():
    """A function of a task's name and overrides that gives its `TaskConfig`."""
    register(VERBS["prepare"])

    def configure(name, *overrides):
        with initialize_config_dir(str(resource("configs")), version_base="1.3"):
            return typed(compose("prepare", [f"task={name}", *overrides])).task

    return configure
