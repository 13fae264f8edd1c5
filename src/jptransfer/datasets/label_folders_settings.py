"""Settings and registry row of reader `label_folders`."""

from __future__ import annotations

from dataclasses import dataclass

from jptransfer.registry import DATASETS


@DATASETS.register("label_folders", target="jptransfer.datasets.label_folders:read")
@dataclass
class LabelFoldersConfig:
    """A folder per label, with a text per file (pos/, neg/)."""

    suffix: str = ".txt"
    """end of the names of files that hold texts"""
