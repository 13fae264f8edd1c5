"""Settings and registry row of objective `mlm`."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from jptransfer.config.fields import setting
from jptransfer.registry import OBJECTIVES


class Masking(Enum):
    """Whether every epoch has new masks, or epochs use a fixed number of masked copies in turn."""

    dynamic = "dynamic"
    static = "static"


@OBJECTIVES.register("mlm", target="jptransfer.objectives.mlm:MaskedLanguageModel")
@dataclass
class MlmConfig:
    """Masked language model, with next-sentence prediction as an option."""

    mask_rate: float = setting(0.15, low=0.0, high=1.0)
    """share of tokens to predict"""
    replace_mask: float = setting(0.8, low=0.0, high=1.0)
    """share of those shown as [MASK]"""
    replace_random: float = setting(0.1, low=0.0, high=1.0)
    """share of those shown as a random token; the others are shown unchanged"""
    max_predictions: int | None = setting(None, low=1)
    """maximum number of predictions per sequence (original BERT: 20 in 128 tokens)"""
    whole_word: bool = True
    """mask all tokens of a word together"""
    masking: Masking = Masking.dynamic
    """dynamic: new masks each epoch; static: `copies` sets of masks in turn"""
    copies: int = setting(5, low=1)
    """sets of masks for static masking"""
    next_sentence: bool = False
    """predict whether the second segment follows the first (NSP)"""
    short_sequences: float = setting(0.1, low=0.0, high=1.0)
    """share of sequences with a random shorter target length (only with `next_sentence`)"""

    def validate(self) -> str:
        """Return what is wrong with the shares of tokens that are predicted or shown as others, if anything."""
        if not self.mask_rate:
            return ".mask_rate: 0 predicts nothing"
        total = self.replace_mask + self.replace_random
        return f": replace_mask + replace_random is {total:g}; it must be at most 1" if total > 1 + 1e-9 else ""
