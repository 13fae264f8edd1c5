"""What recurrent language models are to the objectives `causal` and `bilm`: they read streams and carry a state."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import torch
from torch import Tensor, nn

from jptransfer.models.layers.cells import State


@dataclass(frozen=True)
class Reading:
    """What a language model makes of a window of its streams.

    Attributes:
        states: (rows, length, width) of the top layer.
        dropped: the same after output dropout: what the decoder reads.
        state: after the last position.
    """

    states: Tensor
    dropped: Tensor
    state: State


@runtime_checkable
class StreamModel(Protocol):
    """A language model whose state goes from window to window; its configuration has `direction`."""

    config: Any

    def read_stream(self, ids: Tensor, state: State | None) -> Reading:
        """Read `ids` (rows, length), in the order of reading, from `state` on; None: the beginning."""

    def scale_dropouts(self, factor: float) -> None:
        """Multiply all dropouts by `factor` from now on; what is saved keeps its own."""

    def get_output_embeddings(self) -> nn.Linear:
        """Return the decoder: states to the scores of the next units."""


@runtime_checkable
class BidirectionalStreamModel(Protocol):
    """A language model of two directions, whose states go from window to window, the other way for the second one."""

    config: Any

    def read_streams(self, ids: Tensor, state: State | None) -> Reading:
        """Read `ids` (2 * rows, length), all of the same number of words, from `state` on; None: the beginning.

        The first half of the rows is read forward, the second one backward; both, and the states, are in the order of
        the text. The state after has one row for each of the half.
        """

    def get_output_embeddings(self) -> nn.Linear:
        """Return the decoder: states to the scores of words."""


def reading_order(ids: Tensor, mask: Tensor | None, backward: bool) -> Tensor | None:
    """Return the positions of each row's tokens in the order of reading, then those of padding: (batch, length).

    None: they stand in that order already.
    """
    if mask is None and not backward:
        return None
    length = ids.shape[1]
    position = torch.arange(length, device=ids.device).expand_as(ids)
    rank = length - 1 - position if backward else position
    return (rank if mask is None else rank + length * (mask == 0)).argsort(1)
