"""Settings and registry row of head `crf`."""

from __future__ import annotations

from dataclasses import dataclass

from jptransfer.registry import HEADS


@HEADS.register("crf", target="jptransfer.models.heads.crf:CrfHead", level="token")
@dataclass
class CrfHeadConfig:
    """The token head's layer and a conditional random field over its tags."""

    constraints: bool = True
    """give probability zero to sequences that are invalid in the tag scheme (I- without a preceding tag of its type)"""
