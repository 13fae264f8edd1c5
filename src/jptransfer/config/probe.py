"""Settings of probes; each registered probe adds a section of its own."""

from __future__ import annotations

from dataclasses import dataclass

from jptransfer.config.fields import setting
from jptransfer.registration import WithMembers
from jptransfer.registry import PROBES


@PROBES.sections("name")
@dataclass
class ProbeConfig(WithMembers):
    """What a frozen model is examined for."""

    name: str = setting("", registry="probes")
    """see `jpt ls probes`; empty: nothing"""
