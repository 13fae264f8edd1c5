"""Interface of recurrent language models for the objectives `causal` and `bilm`: read streams and carry a state."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import torch
from torch import Tensor, nn

from jptransfer.models.layers.cells import Clamp, State


@dataclass(frozen=True)
class Reading:
    """Output of a language model for one window of its streams.

    Attributes:
        states: (rows, length, width) of the top layer.
        dropped: `states` after output dropout, the input of the decoder.
        state: the state after the last position.
    """

    states: Tensor
    dropped: Tensor
    state: State


@runtime_checkable
class StreamModel(Protocol):
    """A language model that carries its state from window to window; its configuration has `direction`."""

    config: Any

    def read_stream(self, ids: Tensor, state: State | None) -> Reading:
        """Read `ids` (rows, length), in reading order, starting from `state` (None: the initial state)."""

    def scale_dropouts(self, factor: float) -> None:
        """Multiply all dropouts by `factor` from now on; the saved configuration keeps the original values."""

    def get_output_embeddings(self) -> nn.Linear:
        """Return the decoder, which maps states to the scores of the next tokens."""


class Stepper(Protocol):
    """A recurrent language model that reads token by token, for generation; `width` is that of its top layer."""

    width: int

    def __call__(self, ids: Tensor, state: State | None, clamp: Clamp) -> tuple[Tensor, State]:
        """Read one token per row, `ids` (rows,), from `state` on (None: the initial state).

        Returns the scores of the next tokens (rows, vocabulary) and the state; `clamp` is of the top layer.
        """


@runtime_checkable
class SteppedModel(Protocol):
    """A recurrent language model that can read token by token; its configuration has `direction`."""

    config: Any

    def stepper(self) -> Stepper:
        """Return what reads with the weights as they are now, without gradients and dropout."""


@runtime_checkable
class BidirectionalStreamModel(Protocol):
    """A language model of two directions that carries its states from window to window, backward for the second one."""

    config: Any

    def read_streams(self, ids: Tensor, state: State | None) -> Reading:
        """Read `ids` (2 * rows, length), starting from `state` (None: the initial state).

        All rows have the same number of words. The first half of the rows is read forward, the second half backward.
        Ids and states of both halves are in text order. The returned state has one row per row of a half.
        """

    def get_output_embeddings(self) -> nn.Linear:
        """Return the decoder, which maps states to the scores of words."""


class HasDecoder:
    """Mixin of language models: `decoder`, which maps states to scores, is what transformers calls output embeddings.
    """

    decoder: nn.Linear

    def get_output_embeddings(self) -> nn.Linear:
        """Return the decoder."""
        return self.decoder

    def set_output_embeddings(self, value: nn.Linear) -> None:
        """Set the decoder."""
        self.decoder = value


def reading_order(ids: Tensor, mask: Tensor | None, backward: bool) -> Tensor | None:
    """Return the positions of each row's tokens in reading order, then those of padding: (batch, length).

    None if the tokens are in reading order already.
    """
    if mask is None and not backward:
        return None
    length = ids.shape[1]
    position = torch.arange(length, device=ids.device).expand_as(ids)
    rank = length - 1 - position if backward else position
    return (rank if mask is None else rank + length * (mask == 0)).argsort(1)
