"""What planning and the training stage ask of an objective's settings.

An objective is a class (`training.types.LanguageObjective`) and the dataclass of its settings, which registers it:

    @OBJECTIVES.register("shuffled", target="ShuffledTokens", trains=("bert",))
    @dataclass
    class ShuffledConfig(ObjectiveSettings):
        auto_class: ClassVar[str] = "AutoModelForMaskedLM"

Nothing outside of its module asks for an objective's name. This module is light: it is imported at every start.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Self

if TYPE_CHECKING:
    from torch import nn

    from jptransfer.config.training import LmPhaseConfig, ObjectiveConfig


@dataclass
class ObjectiveSettings:
    """Base of the settings of objectives; an objective without settings behaves as this class.

    Attributes:
        auto_class: class of transformers that makes and loads a model with the head that the objective trains.
        phases_set_lengths: whether phases may have a `max_length` and `max_predictions` of their own.
    """

    auto_class: ClassVar[str] = "AutoModelForCausalLM"
    phases_set_lengths: ClassVar[bool] = False

    @property
    def model_class(self) -> str:
        """Class of transformers for these settings."""
        return self.auto_class

    def of_phase(self, phase: LmPhaseConfig) -> Self:
        """Return the settings as a phase of the training changes them."""
        return self

    def check_text(self, split: Any) -> None:
        """Raise `ConfigError` if the training text, an `EncodedSplit`, has nothing of the kind that is predicted."""

    def check_model(self, model: nn.Module, longest: int) -> None:
        """Raise `ConfigError` if a model of transformers cannot be trained on sequences of `longest` tokens."""

    def cure(self) -> str:
        """Say why far less than asked for may be predicted, and what to do; it ends the message of an error."""
        return "the text is too short"


def chosen(config: ObjectiveConfig) -> ObjectiveSettings:
    """Return the settings of the chosen objective."""
    found: Any = config.own
    return found if isinstance(found, ObjectiveSettings) else ObjectiveSettings()
