"""Settings and registry row of objective `mlm`."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum
from typing import TYPE_CHECKING, ClassVar, Self

from jptransfer.config.fields import setting
from jptransfer.config.objectives import ObjectiveSettings
from jptransfer.errors import ConfigError
from jptransfer.registry import MASKED, OBJECTIVES

if TYPE_CHECKING:
    from torch import nn

    from jptransfer.config.training import LmPhaseConfig
    from jptransfer.text.encoded import EncodedSplit


class Masking(Enum):
    """Whether every epoch has new masks, or epochs use a fixed number of masked copies in turn."""

    dynamic = "dynamic"
    static = "static"


@OBJECTIVES.register("mlm", target="jptransfer.objectives.mlm:MaskedLanguageModel", trains=(MASKED,))
@dataclass
class MlmConfig(ObjectiveSettings):
    """Masked language model, with next-sentence prediction as an option."""

    auto_class: ClassVar[str] = "AutoModelForMaskedLM"
    phases_set_lengths: ClassVar[bool] = True

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

    @property
    def model_class(self) -> str:
        """Next-sentence prediction has a head of its own."""
        return "AutoModelForPreTraining" if self.next_sentence else self.auto_class

    def of_phase(self, phase: LmPhaseConfig) -> Self:
        """A phase of longer sequences may have a limit of predictions of its own."""
        return replace(self, max_predictions=phase.max_predictions or self.max_predictions)

    def check_text(self, split: EncodedSplit) -> None:
        """Next-sentence prediction needs documents of several sentences."""
        import numpy as np  # here: settings are imported at every start

        if self.next_sentence and split.n_documents and not (np.diff(split.documents) > 1).any():
            raise ConfigError("objective.mlm.next_sentence: no document of the text has two sentences, so there is "
                              "nothing to predict; set it to false, or leave blank lines only between documents")

    def check_model(self, model: nn.Module, longest: int) -> None:
        """The head has to read states at single positions."""
        from jptransfer.models.encoder import check_predictions

        check_predictions(model, longest)

    def cure(self) -> str:
        """Words that exceed a sequence's budget are never masked."""
        if not self.whole_word:
            return super().cure()
        return ("words have more tokens than a sequence may predict; objective.mlm.whole_word=false hides tokens one "
                "by one")
