"""Read long texts in windows, for heads that score whole texts: BPT3C (Howard and Ruder 2018, section 3.3)."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import torch
from torch import Tensor, nn

from jptransfer.models.encoder import Encoded
from jptransfer.models.layers.cells import State
from jptransfer.models.streams import reading_order


@dataclass(frozen=True)
class Windows:
    """How texts are read: `width` tokens at a time; the state is carried on, gradients stay within a window.

    Attributes:
        width: tokens per window (bptt).
        seen: number of tokens of a text that the head sees, the last ones in reading order.
        last_is_all: whether the head reads the last state as that of the whole text, so that nothing counts as unseen.
    """

    width: int
    seen: int
    last_is_all: bool = False


@runtime_checkable
class WindowReader(Protocol):
    """An encoder that can continue reading from a state; its configuration has `direction`."""

    config: Any

    def read(self, ids: Tensor, state: State | None = None) -> tuple[list[Tensor], State]:
        """Read `ids` (rows, length), in reading order, starting from `state` (None: zeros)."""


def encode_windows(encoder: nn.Module, inputs: Mapping[str, Tensor], windows: Windows) -> Encoded:
    """Return the top layer's states of the tokens that the head sees; `inputs` are those of `encode`.

    The windows of a text begin at its first token, independent of the other texts of the batch. All texts end in the
    same window, so shorter ones start in a later window. Windows without a token that the head sees are read without
    gradients, and only the state is kept. Memory therefore does not grow with the length of the texts.
    """
    reader: Any = encoder
    ids, mask = inputs["input_ids"], inputs.get("attention_mask")
    backward = reader.config.direction == "backward"
    order = reading_order(ids, mask, backward)
    read = ids if order is None else ids.gather(1, order)
    present = torch.full_like(ids[:, 0], ids.shape[1]) if mask is None else mask.sum(1)
    longest = int(present.max())
    # Shift each text by whole windows and put the longest first: the rows of a window are then a prefix of the batch.
    starts, turn = torch.sort((longest - present) // windows.width * windows.width, stable=True)
    lengths = present[turn]
    source = torch.arange(longest, device=ids.device) - starts.unsqueeze(1)
    laid = read[turn].gather(1, source.clamp(0, ids.shape[1] - 1))
    seen = lengths.clamp(max=windows.seen)
    first = int((starts + lengths - seen).min()) // windows.width * windows.width
    states = _read(reader, laid, starts.tolist(), first, windows.width)

    place, kept = torch.arange(int(seen.max()), device=ids.device), seen.unsqueeze(1)
    begin = (starts + lengths - seen - first).unsqueeze(1)
    index = begin + torch.where(place < kept, kept - 1 - place if backward else place, 0)
    states = states.gather(1, index.unsqueeze(-1).expand(-1, -1, states.shape[-1]))
    back = turn.argsort()
    return Encoded((states[back],), (place < kept)[back], backward, laid[:, first:].gather(1, index)[back])


def _read(reader: WindowReader, laid: Tensor, starts: list[int], first: int, width: int) -> Tensor:
    """Return the top layer's states from position `first` on: (rows, positions, states).

    Args:
        reader: the encoder.
        laid: (rows, positions) ids in reading order; rows that begin earliest come first.
        starts: the position at which each row begins, a multiple of `width`.
        first: position of the first window whose states are returned.
        width: tokens per window.
    """
    state: State | None = None
    kept: list[Tensor] = []
    for begin in range(0, laid.shape[1], width):
        rows = bisect_right(starts, begin)
        with torch.set_grad_enabled(torch.is_grad_enabled() and begin >= first):
            states, after = reader.read(laid[:rows, begin:begin + width], _grown(state, rows))
        state = tuple(part.detach() for part in after)
        if begin >= first:
            kept.append(_filled(states[-1], len(laid)))
    return torch.cat(kept, 1)


def _grown(state: State | None, rows: int) -> State | None:
    """Return the state with zero rows for texts that begin in this window."""
    return None if state is None else tuple(_filled(part, rows) for part in state)


def _filled(part: Tensor, rows: int) -> Tensor:
    """Return `part` padded with zeros to (rows, ...)."""
    missing = rows - len(part)
    return torch.cat((part, part.new_zeros(missing, *part.shape[1:]))) if missing else part
