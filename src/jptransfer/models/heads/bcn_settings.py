"""Settings and registry row of head `bcn`."""

from __future__ import annotations

from dataclasses import dataclass

from jptransfer.config.fields import setting
from jptransfer.registry import HEADS


@HEADS.register("bcn", target="jptransfer.models.heads.bcn:BcnHead", level="sequence", version=3)
@dataclass
class BcnHeadConfig:
    """Biattentive classification network over a text's states (McCann et al. 2017)."""

    vectors: str = setting("", external=True)
    """file of word vectors (as model.embedding.vectors), concatenated to the states and not trained; empty: none"""
    vector_width: int = setting(300, low=1)
    """width of the word vectors"""
    input_dropout: float = setting(0.5, low=0.0, high=1.0)
    """dropout of states and word vectors"""
    hidden: int = setting(300, low=1)
    """width of the feed-forward layer, and of one direction of both recurrent layers"""
    feedforward_dropout: float = setting(0.25, low=0.0, high=1.0)
    """dropout of the feed-forward layer"""
    maxout: list[int] = setting(factory=lambda: [1200, 600], low=1)
    """widths of the maxout layers before that of the outputs"""
    maxout_dropouts: list[float] = setting(factory=lambda: [0.2, 0.3], low=0.0, high=1.0)
    """dropout of each of these layers"""
    pool: int = setting(4, low=1)
    """linear pieces of a maxout unit"""

    def validate(self) -> str:
        """Return what is wrong with the dropouts, if anything."""
        if len(self.maxout) == len(self.maxout_dropouts):
            return ""
        return f".maxout_dropouts: one for each layer of maxout={self.maxout} is needed, not {self.maxout_dropouts}"
