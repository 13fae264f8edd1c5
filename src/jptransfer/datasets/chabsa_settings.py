"""Settings and registry rows of the readers of chABSA."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from jptransfer.registry import DATASETS


class OpinionUnit(Enum):
    """What an example is."""

    sentence = "sentence"
    aspect = "aspect"


class TargetType(Enum):
    """What the type of a target is."""

    polarity = "polarity"
    category = "category"


@DATASETS.register("chabsa_polarity", target="jptransfer.datasets.chabsa:polarity")
@dataclass
class ChabsaPolarityConfig:
    """chABSA: sentences of annual reports, or aspects, by polarity."""

    unit: OpinionUnit = OpinionUnit.sentence
    """sentence: the polarity of all its opinions; aspect: an example per opinion, its target, a tab and the sentence"""


@DATASETS.register("chabsa_targets", target="jptransfer.datasets.chabsa:targets")
@dataclass
class ChabsaTargetsConfig:
    """chABSA: targets of opinions as entities."""

    type: TargetType = TargetType.polarity
    """type of an entity: the opinion's polarity or its category"""
