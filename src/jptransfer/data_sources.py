"""Official files that are not shipped: where to get them, under what licence, and where to put them.

The entries stand in ``configs/data_sources.yaml``, one per place below ``data_root``. Tasks, corpora, domains, word
vectors and suites share them.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

from jptransfer.resources import resource


@dataclass(frozen=True)
class DataSource:
    """One entry of ``configs/data_sources.yaml``.

    Attributes:
        place: file or folder below ``data_root``.
        layout: what the folder holds; empty for a single file.
    """

    place: str
    source: str
    licence: str
    layout: str = ""

    def __str__(self) -> str:
        layout = f" ({self.layout})" if self.layout else ""
        return f"{self.source}; licence: {self.licence}; put it at DATA_ROOT/{self.place}{layout}"


@cache
def data_sources() -> dict[str, DataSource]:
    """Return every entry by its place below ``data_root``."""
    import yaml

    raw = yaml.safe_load(resource("configs/data_sources.yaml").read_text(encoding="utf-8"))
    return {place: DataSource(place, **entry) for place, entry in raw.items()}


def source_of(path: str, data_root: str) -> DataSource | None:
    """Return the entry that a file below `data_root` belongs to, or None."""
    absolute, root = Path(path).absolute(), Path(data_root).absolute()
    if not absolute.is_relative_to(root):
        return None
    inside = absolute.relative_to(root)
    return next((found for parent in (inside, *inside.parents) if (found := data_sources().get(str(parent)))), None)
