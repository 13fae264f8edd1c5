"""Fixtures shared by all tests."""

from __future__ import annotations

from pathlib import Path

import pytest

from jptransfer.runtime import Runtime

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
