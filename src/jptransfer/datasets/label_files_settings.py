"""Settings and registry row of reader `label_files`."""

from __future__ import annotations

from dataclasses import dataclass

from jptransfer.config.fields import setting
from jptransfer.registry import DATASETS


@DATASETS.register("label_files", target="jptransfer.datasets.label_files:read")
@dataclass
class LabelFilesConfig:
    """A file per label, with a text per line: MR, CR, SUBJ, MPQA."""

    files: dict[str, str] = setting(factory=dict)
    """label -> name of its file in the folder or archive, without the folders above it"""

    def validate(self) -> str:
        """Return what is wrong with the names of the files, if anything."""
        for label, name in self.files.items():
            if "/" in name:
                return f".files.{label}: '{name}' is a path; give the name of a file alone"
            if list(self.files.values()).count(name) > 1:
                return f".files: '{name}' is the file of two labels"
        return ""
