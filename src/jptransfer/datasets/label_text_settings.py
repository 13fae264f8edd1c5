"""Settings and registry row of reader `label_text`."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from jptransfer.datasets.separators import separator_error
from jptransfer.registry import DATASETS


class SeveralLabels(Enum):
    """What a line with several labels is."""

    error = "error"
    first = "first"


class LabelDetail(Enum):
    """How much of a label is kept."""

    fine = "fine"
    coarse = "coarse"


@DATASETS.register("label_text", target="jptransfer.datasets.label_text:read")
@dataclass
class LabelTextConfig:
    """A label and a text on each line: SST, MR, SUBJ, TREC, fastText's."""

    separator: str = ""
    """tab, comma, semicolon, pipe, space or any character between label and text; empty: the first space or tab"""
    prefix: str = "__label__"
    """what labels begin with in a file of fastText"""
    several: SeveralLabels = SeveralLabels.error
    """a line with several labels is an error, or has the first one"""
    labels: LabelDetail = LabelDetail.fine
    """fine: the whole label; coarse: what precedes a colon, DESC of DESC:manner (TREC)"""

    def validate(self) -> str:
        """Return what is wrong with the separator, if anything."""
        return separator_error(self.separator)
