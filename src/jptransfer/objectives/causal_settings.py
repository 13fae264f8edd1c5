"""Settings and registry row of objective `causal`."""

from __future__ import annotations

from dataclasses import dataclass

from jptransfer.config.fields import setting
from jptransfer.config.objectives import ObjectiveSettings
from jptransfer.registry import OBJECTIVES


@OBJECTIVES.register("causal", target="jptransfer.objectives.causal:CausalLanguageModel")
@dataclass
class CausalConfig(ObjectiveSettings):
    """The next token, in parallel streams with a carried state."""

    ar: float = setting(2.0, low=0.0)
    """activation regularisation: weight of the mean square of the states that are decoded"""
    tar: float = setting(1.0, low=0.0)
    """temporal activation regularisation: weight of the mean square of the differences between successive states"""
    dropout: float = setting(1.0, low=0.0)
    """multiplies all dropouts of the model"""
    shard_tokens: int | None = setting(None, low=1, omit_when=None)
    """the training text is cut into shards of about this many tokens, equal in length, which are read one after the
    other with states that are zero at the beginning of each; null: one"""
