"""Settings and registry row of reader `livedoor`."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from jptransfer.config.task import POOL
from jptransfer.registry import DATASETS


class ArticlePart(Enum):
    """What the text is."""

    titles = "titles"
    bodies = "bodies"
    both = "both"


@DATASETS.register("livedoor", target="jptransfer.datasets.livedoor:read", files=(POOL,))
@dataclass
class LivedoorConfig:
    """livedoor news topics (titles or bodies)."""

    part: ArticlePart = ArticlePart.titles
    """part of an article that is the text"""
