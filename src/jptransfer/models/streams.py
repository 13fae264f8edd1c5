"""What a recurrent language model is to the objective `causal`: something that reads streams and carries a state."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import torch
from torch import Tensor, nn

from jptransfer.models.cells import State


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
