"""Settings and registry row of reader `rakuten`."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from jptransfer.registry import DATASETS


class ReviewPart(Enum):
    """What the text is."""

    both = "both"
    comment = "comment"
    title = "title"


@DATASETS.register("rakuten", target="jptransfer.datasets.rakuten:read")
@dataclass
class RakutenConfig:
    """Rakuten reviews of Zhang & LeCun (2017): label, title, comment."""

    part: ReviewPart = ReviewPart.both
    """part of a review that is the text"""
