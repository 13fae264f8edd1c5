"""Fixtures shared by all tests."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from jptransfer.runtime import Runtime

# Machines are busy: how long an example took says nothing about the code. Examples are the same at every run, so that
# a change is judged by what it changes; `scripts/test --hypothesis-profile=search` draws new ones.
settings.register_profile("busy", deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True)
settings.register_profile("search", settings.get_profile("busy"), derandomize=False)
settings.load_profile("busy")

SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of official files; tests that need it are skipped where it is missing."""
    if not SHARED.is_dir():
        pytest.skip("no ../shared/data here")
    return SHARED


@pytest.fixture
def runtime() -> Runtime:
    """A silent runtime on default settings."""
    return Runtime()
