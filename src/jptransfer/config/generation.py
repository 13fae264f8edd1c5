"""Settings of `jpt generate`."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import Enum

from jptransfer.config.fields import setting
from jptransfer.config.run import CommandConfig, RuntimeConfig


class ClampOf(Enum):
    """Which value of a unit is fixed."""

    cell = "cell"
    hidden = "hidden"


@dataclass
class ClampConfig:
    """A unit that has a fixed value after every step (Radford et al. 2017, section 4.5)."""

    unit: int | None = setting(None, low=0)
    """number of the unit in the top layer, from 0; null: no unit is fixed"""
    value: float = 1.0
    """its value; the paper takes 1 and -1"""
    of: ClampOf = ClampOf.cell
    """cell: its cell, from which the hidden state follows; hidden: its hidden state"""

    def validate(self) -> str:
        """Return what is wrong, see `jptransfer.config.check`."""
        return "" if math.isfinite(self.value) else f".value: {self.value} is not a finite number"


@dataclass
class GenerationConfig:
    """How texts are generated."""

    clamp: ClampConfig = setting(factory=ClampConfig)
    """recurrent language models: a unit with a fixed value, as in {unit: 5, value: -1, of: hidden}"""
    stop_at_end: bool = True
    """a sample ends where the model ends its text, if that is before `length`; false: it goes on, of a byte model with
    another text after a line end"""


@dataclass
class GenerateConfig(CommandConfig):
    """`jpt generate MODEL`: write text with a causal language model."""

    artifact: str = "???"
    """causal language model: artifact id, folder, or `hf:org/name@revision`"""
    n: int = setting(1, low=1)
    """number of samples"""
    length: int = setting(200, low=1)
    """most tokens of a sample after the prime; of a byte model: bytes"""
    temperature: float = setting(1.0, low=0.0, high=1e6)
    """divides the scores before they become probabilities; 0: always the token of the highest score"""
    top_k: int = setting(0, low=0)
    """draw from this many tokens of the highest scores; 0: from all"""
    prime: str = ""
    """text that every sample begins with"""
    seed: int = setting(0, low=0)
    """seed of the draws; sample i is the same for every n"""
    output: str = "-"
    """-: the text, as it is made; a file: a JSON object per line with the fields `text` (the prime included), `sample`,
    `tokens` (without the prime) and `finish_reason` (length, or stop: the text's end)"""
    generation: GenerationConfig = setting(factory=GenerationConfig)
    """further settings"""
    outputs_root: str = "${oc.env:JPT_OUTPUTS,outputs}"
    """folder of artifacts"""
    runtime: RuntimeConfig = setting(factory=RuntimeConfig)
    """device and threads"""
