"""Data and state for parallel streams of text, read window by window with a carried state (truncated BPTT).

The documents of a split (or its sentences, see `objectives.bilm`) are shuffled in every epoch, enclosed in the special
tokens that the tokenizer puts around a text, and joined to one long text. It is cut into as many *streams* as a batch
has rows. A global batch is one window of all streams; the model's state is carried from window to window.

A long text may be cut into *shards* of equal length first, which are read one after the other, each in as many streams;
states are zero at the beginning of each (Radford et al. 2017, section 3).

If states are always carried, they may settle in a region that the model never leaves and that the initial state is not
in. Its states of single texts, which start from the initial state, are then of little use. `state_reset_prob` resets
states at random to avoid this.
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
"""Nats per token from which the perplexity is infinite: exp(710) does not fit into a float."""


@dataclass(frozen=True)
class Text:
    """The framed documents (or sentences) of an epoch in a row: where each begins here (documents + 1,), and what it
    was given as."""

    begins: np.ndarray
    sources: np.ndarray


class _Windows(Sequence[Batch]):
    """Global batches of an epoch, one per window; the streams of a window are divided into parts."""

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
    """Base class of data in streams (see `training.types.TrainingData`).

    Example `w * streams + s` is window w of stream s, counted through all shards. All windows have the same width, so
    that a stream is always in the same part. The rest of a shard that does not fill a last window is left out, at most
    one token in `max_length`.

    Attributes:
        tokens: length of the text in tokens (words for `bilm`), including special tokens.
        shards, shard_length: number of shards, and tokens per shard.
        streams, stream_length: number of streams, and tokens per stream of a shard.
        windows, width: number of windows of all shards per stream, and tokens per window.
    """

    def __init__(self, sources: np.ndarray, lengths: np.ndarray, frame: Frame, config: LmTrainingConfig,
                 limit: int | None = None, shard_tokens: int | None = None) -> None:
        """Cut a text.

        Args:
            sources: identifier of each document, for `Text.sources`.
            lengths: number of tokens of each document; empty documents are left out.
            frame: the special tokens around a document.
            config: rows of a batch (`batch_tokens` / `max_length`, fewer if the text is short), windows, parts, seed.
            limit: maximum number of windows of single streams to use, the first ones.
            shard_tokens: about the number of tokens of a shard; None: the text is one.
        """
        self.config, self.frame = config, frame
        self._sources, self._lengths = sources[lengths > 0], lengths[lengths > 0]
        self.tokens = int(self._lengths.sum()) + len(frame) * len(self._lengths)
        self.shards = max(1, round(self.tokens / shard_tokens)) if shard_tokens else 1
        self.shard_length = max(0, self.tokens - 1) // self.shards
        self.streams = max(1, min(most_streams(config), self.shard_length // config.max_length))
        self.stream_length = self.shard_length // self.streams
        self._windows_of_shard, self.width = windows_of(self.stream_length, config.max_length)
        self.windows = self.shards * self._windows_of_shard
        if limit is not None:
            self.windows = min(self.windows, math.ceil(limit / self.streams))
        self.text = lru_cache(maxsize=2)(self._make_text)

    def _make_text(self, epoch: int) -> Text:
        order = generator(self.config.seed, epoch).permutation(len(self._sources))
        begins = np.concatenate(([0], np.cumsum(self._lengths[order] + len(self.frame))))
        return Text(begins, self._sources[order])

    def batches(self, epoch: int) -> Sequence[Batch]:
        """Return one global batch per window."""
        return _Windows(self.windows, self.streams, self.config.micro_batches)

    def lengths(self, epoch: int) -> np.ndarray:
        """Return the number of tokens of every window: all are equal."""
        return np.full(self.windows * self.streams, self.width)

    def cut(self) -> Cut:
        """Return counts of zero: texts are read window by window, so none is too long."""
        return Cut()

    def predictions(self, indices: np.ndarray, epoch: int) -> Predictions:
        """Count the predictions in these windows, where every token is to be predicted."""
        labels = self.collate(indices, epoch)["labels"]
        return Predictions(labels.numel(), labels.numel(), int((labels != IGNORED).sum()))

    def collate(self, indices: np.ndarray, epoch: int) -> Tensors:
        """Return the tensors of windows, `labels` among them."""
        raise NotImplementedError

    def place(self, indices: np.ndarray) -> np.ndarray:
        """Return the positions in the text at which examples (rows,) begin, (rows,)."""
        window, stream = np.divmod(indices, self.streams)
        shard, window = np.divmod(window, max(1, self._windows_of_shard))
        return shard * self.shard_length + stream * self.stream_length + window * self.width

    def starts(self, indices: np.ndarray, epoch: int) -> dict[str, np.ndarray]:
        """Return per row the stream of an example (`streams`), whether it is the first of its stream in a shard
        (`start`) and, if `state_reset_prob` is set, whether its state is reset in training.
        """
        window, stream = np.divmod(indices, self.streams)
        found = {"streams": stream, "start": window % max(1, self._windows_of_shard) == 0}
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
    """Base class of objectives over streams: the state of every stream is carried from window to window.

    Training and evaluation have separate states; those of training are saved in checkpoints
    (`training.types.Stateful`).
    """

    def __init__(self, streams: int) -> None:
        self._carried = {learning: _Carried(streams) for learning in (True, False)}

    def take(self, learning: bool, batch: Tensors) -> State | None:
        """Return the initial states of a part's streams: zero at `start` and, in training, at `restart`.

        None before the first window.
        """
        start = batch["start"]
        if learning and "restart" in batch:
            start = start | batch["restart"]
        return self._carried[learning].take(batch["streams"], start)

    def put(self, learning: bool, batch: Tensors, state: State) -> None:
        """Store the final states of a part's streams, detached from the graph."""
        self._carried[learning].put(batch["streams"], state)

    def state_dict(self) -> Tensors:
        """Return the training states of this process."""
        return self._carried[True].state_dict()

    def load_state_dict(self, state: Tensors) -> None:
        """Add these training states."""
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
    """Return exp(loss), or infinity on overflow, which ends a training as diverged."""
    return math.exp(loss) if loss < LARGEST_LOSS else math.inf
