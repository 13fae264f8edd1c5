"""Parallel streams of text, read window by window with a carried state (truncated BPTT): data and state.

The documents of a split (or its sentences, see `objectives.bilm`), in an order drawn for every epoch and each between
the special tokens that the tokenizer puts around a text, form one long text. It is cut into as many *streams* as a
batch has rows; a global batch is one window of all streams, and the model's state goes on from window to window.

A model whose states are always carried may come to rest in a region that it never leaves and that no text begins in:
its states of single texts then mean little, in some texts or in all. `state_reset_prob` resets it now and then.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from torch import Tensor

from jptransfer.config import LmTrainingConfig
from jptransfer.models.layers.cells import State
from jptransfer.tasks.base import IGNORED
from jptransfer.text.cuts import Cut
from jptransfer.text.types import Frame
from jptransfer.training.randomness import bits, generator
from jptransfer.training.target_counts import Predictions
from jptransfer.training.types import Batch, Tensors

LARGEST_LOSS = 700.0
"""Nats per token from which there is no perplexity: exp(710) does not fit into a float."""


@dataclass(frozen=True)
class Text:
    """The framed documents (or sentences) of an epoch in a row: where each begins here (documents + 1,), and what it
    was given as."""

    begins: np.ndarray
    sources: np.ndarray


class _Windows(Sequence[Batch]):
    """Global batches of an epoch: window after window, the streams of each divided into parts."""

    def __init__(self, count: int, streams: int, parts: int) -> None:
        self.windows, self.streams = count, streams
        self.rows = np.array_split(np.arange(streams), min(parts, streams))

    def __len__(self) -> int:
        return self.windows

    def __getitem__(self, window: Any) -> Any:
        if not 0 <= window < self.windows:
            raise IndexError(window)
        return [window * self.streams + rows for rows in self.rows]


class Streams:
    """What all data in streams share (see `training.types.TrainingData`): how the text is cut.

    Example `w * streams + s` is window w of stream s. All windows have one width, so that a stream always falls into
    the same part; what does not fill a last window is left out, at most one unit in `max_length`.

    Attributes:
        tokens: units of the text, frames included.
        streams, stream_length: how many there are, and their units.
        windows, width: of each stream, and their units.
    """

    def __init__(self, sources: np.ndarray, lengths: np.ndarray, frame: Frame, config: LmTrainingConfig,
                 limit: int | None = None) -> None:
        """Cut a text.

        Args:
            sources: what each document is found by, for `Text.sources`.
            lengths: units of each document; those without any are left out.
            frame: the special tokens around a document.
            config: rows of a batch (`batch_tokens` / `max_length`, fewer if the text is short), windows, parts, seed.
            limit: windows of single streams to use at most, the first ones.
        """
        self.config, self.frame = config, frame
        self._sources, self._lengths = sources[lengths > 0], lengths[lengths > 0]
        self.tokens = int(self._lengths.sum()) + len(frame) * len(self._lengths)
        self.streams = max(1, min(most_streams(config), (self.tokens - 1) // config.max_length))
        self.stream_length = max(0, self.tokens - 1) // self.streams
        self.windows, self.width = windows_of(self.stream_length, config.max_length)
        if limit is not None:
            self.windows = min(self.windows, math.ceil(limit / self.streams))
        self.text = lru_cache(maxsize=2)(self._make_text)

    def _make_text(self, epoch: int) -> Text:
        order = generator(self.config.seed, epoch).permutation(len(self._sources))
        begins = np.concatenate(([0], np.cumsum(self._lengths[order] + len(self.frame))))
        return Text(begins, self._sources[order])

    def batches(self, epoch: int) -> Sequence[Batch]:
        """Return one global batch a window."""
        return _Windows(self.windows, self.streams, self.config.micro_batches)

    def lengths(self, epoch: int) -> np.ndarray:
        """Return the units of every window: all the same."""
        return np.full(self.windows * self.streams, self.width)

    def cut(self) -> Cut:
        """Return that no text is too long: texts are read window by window."""
        return Cut()

    def predictions(self, indices: np.ndarray, epoch: int) -> Predictions:
        """Count the predictions in these windows, where every unit is asked for."""
        labels = self.collate(indices, epoch)["labels"]
        return Predictions(labels.numel(), labels.numel(), int((labels != IGNORED).sum()))

    def collate(self, indices: np.ndarray, epoch: int) -> Tensors:
        """Return the tensors of windows, `labels` among them."""
        raise NotImplementedError

    def place(self, indices: np.ndarray) -> np.ndarray:
        """Return where in the text examples (rows,) begin, (rows,)."""
        window, stream = np.divmod(indices, self.streams)
        return stream * self.stream_length + window * self.width

    def starts(self, indices: np.ndarray, epoch: int) -> dict[str, np.ndarray]:
        """Return by row the `streams` of examples, whether each is the `start` of its stream, and, where the settings
        ask for that, whether its state begins anew in training (`state_reset_prob`).
        """
        window, stream = np.divmod(indices, self.streams)
        found = {"streams": stream, "start": window == 0}
        if self.config.state_reset_prob:
            drawn = bits(self.config.seed, epoch, indices) >> np.uint64(11)
            found["restart"] = drawn < self.config.state_reset_prob * 2.0 ** 53
        return found


def most_streams(config: LmTrainingConfig) -> int:
    """Return the rows of a full batch."""
    return max(1, config.batch_tokens // config.max_length)


def windows_of(length: int, most: int) -> tuple[int, int]:
    """Return how many windows of which width, at most `most`, to cut a stream into, so that the rest is small."""
    if length < 1:
        return 0, 0
    fewer, more = max(1, length // most), math.ceil(length / most)
    return max(((count, min(most, length // count)) for count in (fewer, more)), key=lambda cut: cut[0] * cut[1])


class Carrier:
    """What objectives over streams share: the state of every stream goes on from window to window.

    Training and evaluation have states of their own; those of training are in the checkpoints
    (`training.types.Stateful`).
    """

    def __init__(self, streams: int) -> None:
        self._carried = {learning: _Carried(streams) for learning in (True, False)}

    def take(self, learning: bool, batch: Tensors) -> State | None:
        """Return the initial states of a part's streams: zero at `start` and, in training, where `restart` says so.

        None before anything was read.
        """
        start = batch["start"]
        if learning and "restart" in batch:
            start = start | batch["restart"]
        return self._carried[learning].take(batch["streams"], start)

    def put(self, learning: bool, batch: Tensors, state: State) -> None:
        """Keep the states that the streams of a part end with, without their history."""
        self._carried[learning].put(batch["streams"], state)

    def state_dict(self) -> Tensors:
        """Return the states that this process carries in training."""
        return self._carried[True].state_dict()

    def load_state_dict(self, state: Tensors) -> None:
        """Carry these states as well."""
        self._carried[True].load_state_dict(state)


class _Carried:
    """The states of all streams, without history."""

    def __init__(self, streams: int) -> None:
        self.streams = streams
        self.owned = torch.zeros(streams, dtype=torch.bool)
        self.state: State | None = None

    def take(self, rows: Tensor, start: Tensor) -> State | None:
        if self.state is None:
            return None
        self.state = tuple(part.to(rows.device) for part in self.state)
        return tuple(part[rows].masked_fill(start.view(-1, *[1] * (part.ndim - 1)), 0.0) for part in self.state)

    def put(self, rows: Tensor, state: State) -> None:
        if self.state is None:
            self.state = tuple(part.new_zeros(self.streams, *part.shape[1:]) for part in state)
        self.owned = self.owned.to(rows.device)
        self.owned[rows] = True
        for kept, part in zip(self.state, state, strict=True):
            kept[rows] = part.detach().to(kept.dtype)

    def state_dict(self) -> Tensors:
        if self.state is None:
            return {}
        rows = self.owned.nonzero()[:, 0]
        return {"rows": rows.cpu(), **{str(number): part[rows].cpu() for number, part in enumerate(self.state)}}

    def load_state_dict(self, state: Tensors) -> None:
        if state:
            self.put(state["rows"], tuple(state[str(number)] for number in range(len(state) - 1)))


def perplexity(loss: float) -> float:
    """Return exp of a loss; infinity, which ends a training as diverged, where a float has no room for it."""
    return math.exp(loss) if loss < LARGEST_LOSS else math.inf
