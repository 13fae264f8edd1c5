"""Settings and registry row of architecture `onehot`."""

from __future__ import annotations

from dataclasses import dataclass

from jptransfer.config.fields import setting
from jptransfer.registry import MODELS


@MODELS.register("onehot", target="jptransfer.models.encoders.onehot:configuration", groups=(), version=2)
@dataclass
class OnehotModelConfig:
    """One dimension per token: bytes, or any small vocabulary; no trainable weights."""

    most_units: int = setting(4096, low=1)
    """maximum vocabulary size, because every state is as wide as the vocabulary"""
