"""Causal language models as generation reads them: token by token, from a context on, with the scores of what follows.
"""

from __future__ import annotations

import copy
import inspect
from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
import torch

from jptransfer.config import ClampConfig, ClampOf
from jptransfer.errors import ConfigError
from jptransfer.models.encoder import longest_input
from jptransfer.models.layers.cells import Clamp, State
from jptransfer.models.streams import SteppedModel


class Reader(Protocol):
    """A causal language model after some tokens; how it got there is its own matter.

    Attributes:
        limit: most tokens that it can read; None: any number.
    """

    limit: int | None

    def read(self, ids: Sequence[int]) -> np.ndarray:
        """Read one token or more; return the scores of the next one (vocabulary,) float64."""

    def copy(self) -> Reader:
        """Return another reader after the same tokens."""


class RecurrentReader:
    """A recurrent model of this project, with a unit fixed if the settings say so."""

    limit: int | None = None

    def __init__(self, model: SteppedModel, clamp: ClampConfig, device: torch.device) -> None:
        """Prepare the model's weights.

        Raises:
            ConfigError: the model has no unit of this number.
        """
        self.stepper, self.device = model.stepper(), device
        self.state: State | None = None
        self.clamp = Clamp(clamp.unit, clamp.value, clamp.of is ClampOf.cell)
        if clamp.unit is not None and clamp.unit >= self.stepper.width:
            raise ConfigError(f"generation.clamp.unit: {clamp.unit} is out of range; the top layer has "
                              f"{self.stepper.width} units, 0 to {self.stepper.width - 1}")

    def read(self, ids: Sequence[int]) -> np.ndarray:
        """Read tokens, see `Reader`."""
        for index in ids:
            scores, self.state = self.stepper(torch.tensor([index], device=self.device), self.state, self.clamp)
        return scores[0].double().cpu().numpy()

    def copy(self) -> RecurrentReader:
        """Return another reader after the same tokens; states are never changed in place."""
        return copy.copy(self)


class TransformersReader:
    """A causal model of transformers, with the keys and values of the tokens before where it keeps them."""

    def __init__(self, model: Any, device: torch.device) -> None:
        """Take a model."""
        self.model, self.device, self.limit = model, device, longest_input(model)
        self.ids: list[int] = []
        self.cache: Any = None
        takes = inspect.signature(model.forward).parameters
        # transformers renamed it in version 5; other models have no cache, or one of another kind.
        self.name = next((name for name in ("cache", "past_key_values") if name in takes), "")

    @torch.no_grad()
    def read(self, ids: Sequence[int]) -> np.ndarray:
        """Read tokens, see `Reader`. A model that keeps nothing of the tokens before reads all of them again."""
        self.ids += ids
        new = torch.tensor([list(ids) if self.cache is not None else self.ids], device=self.device)
        kept = {self.name: self.cache} if self.cache is not None else {}
        output = self.model(input_ids=new, use_cache=bool(self.name), **kept)
        self.cache = getattr(output, self.name, None) if self.name else None
        return output.logits[0, -1].double().cpu().numpy()

    def copy(self) -> TransformersReader:
        """Return another reader after the same tokens."""
        made = copy.copy(self)
        made.ids, made.cache = list(self.ids), copy.deepcopy(self.cache)
        return made


def make_reader(model: Any, clamp: ClampConfig, device: torch.device) -> Reader:
    """Return what reads with a causal language model.

    Raises:
        ConfigError: a unit is to be fixed, and the model has no states of units, or no unit of this number.
    """
    if isinstance(model, SteppedModel):
        return RecurrentReader(model, clamp, device)
    if clamp.unit is not None:
        raise ConfigError(f"generation.clamp: {type(model).__name__} has no recurrent state of which a unit could be "
                          "fixed; byte_lstm, multiplicative_lstm, awd_lstm and qrnn have")
    return TransformersReader(model, device)
