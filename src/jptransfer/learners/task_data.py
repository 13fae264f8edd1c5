"""Training data of a task: every batch holds examples alike in length, so that there is nearly no padding."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from jptransfer.models.encoder import SPECIAL, UNITS
from jptransfer.tasks.base import Feature, Level, unknown_target
from jptransfer.training.batching import alike_batches
from jptransfer.training.types import Batch, Tensors


class TaskData:
    """Features of a training split as `TrainingData`; every epoch draws new batches."""

    def __init__(self, features: Sequence[Feature], level: Level, batch_size: int, pad: int, seed: int,
                 multiple: int = 1, mixed: bool = True, least: int = 1) -> None:
        """Take `features` for batches of `batch_size`, padded with id `pad` to a multiple of `multiple` tokens.

        Args:
            level: what has targets, texts or tokens.
            mixed: whether texts of different lengths go through the model together; if not, a batch has a part for
                each length.
            least: positions that every input has at least.
        """
        self.features, self.level, self.batch_size = features, level, batch_size
        self.pad, self.seed, self.mixed = pad, seed, mixed
        self.multiple, self.least = multiple, least
        self._lengths = np.array([len(feature.input_ids) for feature in features], dtype=np.int64)

    def batches(self, epoch: int) -> Sequence[Batch]:
        """Global batches of an epoch."""
        batches = alike_batches(self._lengths, self.batch_size, self.seed, epoch)
        return batches if self.mixed else [_by_length(batch, self._lengths) for batch in batches]

    def lengths(self, epoch: int) -> np.ndarray:
        """Tokens of every feature."""
        return self._lengths

    def collate(self, indices: np.ndarray, epoch: int) -> Tensors:
        """Tensors of the features at `indices`."""
        return collate([self.features[index] for index in indices], self.level, self.pad, self.multiple, self.least)


def _by_length(batch: Batch, lengths: np.ndarray) -> Batch:
    """Return the same update in parts of one length each."""
    return [part[lengths[part] == length] for part in batch for length in np.unique(lengths[part])]


def collate(features: Sequence[Feature], level: Level, pad: int, multiple: int = 1, least: int = 1) -> Tensors:
    """Return `input_ids`, `attention_mask`, `special_tokens_mask`, `labels`, where features have segments
    `token_type_ids`, and at token level `units`, 1 where a unit begins.

    All are int64 (features, longest) but the labels: they have the dtype of the targets, and at sequence level the
    shape (features,) or, of several targets per text, (features, targets). The width is a multiple of `multiple`, and
    `least` or more.
    """
    longest = max(least, *(len(feature.input_ids) for feature in features))
    width = -(-longest // multiple) * multiple
    tensors = {"input_ids": _padded([feature.input_ids for feature in features], width, pad),
               "attention_mask": _padded([[1] * len(feature.input_ids) for feature in features], width, 0),
               SPECIAL: _marked([feature.special for feature in features], width)}
    if any(feature.segments for feature in features):
        tensors["token_type_ids"] = _padded([feature.segments for feature in features], width, 0)
    targets = [feature.targets for feature in features]
    if level is Level.sequence:
        return {**tensors, "labels": torch.from_numpy(np.concatenate(targets))}
    labels = _padded(targets, width, unknown_target(targets[0].dtype), targets[0].dtype)
    return {**tensors, "labels": labels, UNITS: _marked([feature.positions for feature in features], width)}


def _marked(places: Sequence[Sequence[int]], width: int) -> torch.Tensor:
    """Return 1 at the places of each row and 0 elsewhere."""
    marked = torch.zeros(len(places), width, dtype=torch.int64)
    for row, found in zip(marked, places, strict=True):
        row[list(found)] = 1
    return marked


def _padded(rows: Sequence[Sequence[int] | np.ndarray], width: int, fill: float,
            dtype: np.dtype | type = np.int64) -> torch.Tensor:
    padded = np.full((len(rows), width), fill, dtype=dtype)
    for target, row in zip(padded, rows, strict=True):
        target[:len(row)] = row
    return torch.from_numpy(padded)
