"""One report on classification and one on entities, made once for all tests of the room."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from jptransfer.config import ReportConfig
from jptransfer.report.contents import Report, assemble
from jptransfer.report.results import Results, collect
from jptransfer.report.sources import Sources
from tests.report import fabricate

QUICK = ReportConfig(trials=200, bootstrap=100, errors=6)


@dataclass(frozen=True)
class Made:
    """A fabricated store with what the report makes of it."""

    store: fabricate.Store
    sources: Sources
    results: list[Results]
    report: Report


def made(store: fabricate.Store, config: ReportConfig = QUICK) -> Made:
    sources = Sources.read(store.inputs, store.rows)
    results = collect(sources, config)
    return Made(store, sources, results, assemble(sources, results, config, "fabricated"))


@pytest.fixture(scope="session")
def polarity(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """Three rows, three seeds, three classes."""
    return made(fabricate.classification(tmp_path_factory.mktemp("polarity")))


@pytest.fixture(scope="session")
def entities(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """Three rows, two seeds, three entity types."""
    return made(fabricate.entities(tmp_path_factory.mktemp("entities"), examples=24, seeds=(0, 1)))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An empty folder for a report."""
    out = tmp_path / "out"
    out.mkdir()
    return out
