"""Masked language modelling, with next-sentence prediction as an option: the data and the objective."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from random import Random

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from jptransfer.config import LmTrainingConfig, Masking, ObjectiveConfig
from jptransfer.models.encoder import predict_at
from jptransfer.tasks.base import IGNORED
from jptransfer.text.encoded import EncodedSplit
from jptransfer.text.types import Tokenizer
from jptransfer.training.batching import token_batches
from jptransfer.training.masking import choose_positions, prediction_budget, replace
from jptransfer.training.randomness import generator, uniform
from jptransfer.training.sequences import Sequences, sentence_pairs, single_sequences
from jptransfer.training.shapes import Shapes
from jptransfer.training.types import Batch, StepLoss, Tensors, Totals

# What a random number is for: its first key.
_ORDER, _PAIRS, _SUBSET, _WORD, _ACTION, _TOKEN = range(6)


class MaskedData:
    """Masked sequences of an encoded split, see `training.types.TrainingData`."""

    def __init__(
        self,
        split: EncodedSplit,
        tokenizer: Tokenizer,
        config: LmTrainingConfig,
        limit: int | None = None,
        shapes: Shapes | None = None,
    ) -> None:
        """Take the sequences of `split`.

        Args:
            split: token ids.
            tokenizer: gives the ids of special tokens.
            config: lengths, batches, masks, seed.
            limit: use a random subset of so many sequences, the same in every epoch.
            shapes: the few shapes that batches may have; none: just as large as they need to be.
        """
        self.split, self.tokenizer, self.config, self.limit, self.shapes = split, tokenizer, config, limit, shapes
        self.objective: ObjectiveConfig = config.objective
        self._sequences = lru_cache(maxsize=2)(self._make_sequences)

    def batches(self, epoch: int) -> Sequence[Batch]:
        """Return global batches of parts of similar length."""
        lengths = self.lengths(epoch)
        return token_batches(lengths, self.config.batch_tokens, self.config.parts, _ORDER, self.config.seed, epoch)

    def lengths(self, epoch: int) -> np.ndarray:
        """Return tokens of every sequence, special tokens included."""
        return self.sequences(epoch).lengths

    def sequences(self, epoch: int) -> Sequences:
        """Return the sequences of an epoch; without pairs they are the same in all."""
        return self._sequences(self._copy(epoch) if self.objective.next_sentence else 0)

    def _copy(self, epoch: int) -> int:
        """Return which set of pairs and masks an epoch uses."""
        return epoch % self.objective.copies if self.objective.masking is Masking.static else epoch

    def _make_sequences(self, copy: int) -> Sequences:
        config = self.config
        if self.objective.next_sentence:
            random = Random(f"{_PAIRS} {config.seed} {copy}")
            found = sentence_pairs(self.split, config.max_length, self.objective.short_sequences, random)
        else:
            found = single_sequences(self.split, config.max_length, config.pack)
        if self.limit is None or len(found) <= self.limit:
            return found
        return found.take(np.sort(generator(_SUBSET, config.seed).permutation(len(found))[: self.limit]))

    def collate(self, indices: np.ndarray, epoch: int) -> Tensors:
        """Return the tensors of a masked part.

        `input_ids` and, where there is padding, `attention_mask`; with pairs `token_type_ids` (all rows, width) and
        `next_sentence_label` (rows,); what to predict: `positions` in the flattened ids and their `labels` (n,).
        """
        sequences = self.sequences(epoch).take(indices)
        rows, width = len(sequences), int(sequences.lengths.max())
        if self.shapes:
            rows, width = self.shapes.rectangle(rows, width)
        frame = self._frame(sequences.padded_to(rows), width)
        keys = self.config.seed, self._copy(epoch), np.resize(indices, rows)[:, None]
        seen, positions, labels = self._mask(frame, keys)
        arrays = {"input_ids": seen, "positions": positions, "labels": labels}
        if sequences.paired:
            arrays |= {"next_sentence_label": frame.random_next, "token_type_ids": frame.segments}
        if self.shapes or not frame.present.all():
            arrays["attention_mask"] = frame.present.astype(np.int64)
        return {name: torch.from_numpy(array) for name, array in arrays.items()}

    def _frame(self, sequences: Sequences, width: int) -> _Frame:
        middle, lengths = sequences.first_lengths[:, None] + 1, sequences.lengths[:, None]
        column = np.arange(width)
        present, after = column < lengths, column > middle
        separators = present & ((column == middle) | (column == lengths - 1))
        content = present & (column > 0) & ~separators
        source = np.where(after, sequences.second[:, :1] + column - middle - 1, sequences.first[:, :1] + column - 1)
        source = np.where(content, source, 0)
        ids = np.where(content, self.split.ids[source], self.tokenizer.pad_id).astype(np.int64)
        ids[:, 0] = self.tokenizer.cls_id
        ids[separators] = self.tokenizer.sep_id
        starts = content
        if self.objective.whole_word:
            starts = content & ((self.split.word_starts[source] != 0) | (column == 1) | (column == middle + 1))
        segments = (present & after).astype(np.int64)
        return _Frame(ids, starts, content, present, segments, sequences.random_next)

    def _mask(self, frame: _Frame, keys: tuple[int, int, np.ndarray]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return ids with predictions hidden, and flat positions and labels of the predictions."""
        column = np.arange(frame.ids.shape[1])
        budget = prediction_budget(frame.content.sum(axis=1), self.objective)
        chosen = choose_positions(frame.starts, frame.content, budget, uniform(_WORD, *keys, column))
        positions = np.flatnonzero(chosen)
        labels = frame.ids.reshape(-1)[positions]
        action, token = (uniform(purpose, *keys, column).reshape(-1)[positions] for purpose in (_ACTION, _TOKEN))
        seen = frame.ids.copy()
        seen.reshape(-1)[positions] = replace(
            labels, self.objective, self.tokenizer.mask_id, self.tokenizer.vocab_size, action, token)
        if self.shapes:
            most = int(prediction_budget(np.array([len(column)]), self.objective)[0]) * len(seen)
            positions = np.pad(positions, (0, most - len(positions)))
            labels = np.pad(labels, (0, most - len(labels)), constant_values=IGNORED)
        return seen, positions, labels


@dataclass(frozen=True)
class _Frame:
    """Sequences as [CLS] first [SEP] (second [SEP]) in a rectangle; arrays are (rows, width) unless said.

    Attributes:
        ids: token ids.
        starts: where a unit of masking (word or piece) starts.
        content: where a token of the text stands.
        present: where there is no padding.
        segments: 0, and 1 in the second segment.
        random_next: (rows,) labels of next-sentence prediction.
    """

    ids: np.ndarray
    starts: np.ndarray
    content: np.ndarray
    present: np.ndarray
    segments: np.ndarray
    random_next: np.ndarray


class MaskedLanguageModel:
    """The objective: cross-entropy at the hidden positions, plus that of next-sentence prediction if there are pairs.

    The language-model head is computed at the hidden positions only.
    """

    data = MaskedData
    """What it is trained on."""

    def units(self, batch: Tensors) -> dict[str, float]:
        """Return the number of predictions (`mlm`) and of pairs (`nsp`)."""
        units = {"mlm": float((batch["labels"] != IGNORED).sum())}
        if "next_sentence_label" in batch:
            units["nsp"] = float((batch["next_sentence_label"] != IGNORED).sum())
        return units

    def __call__(self, model: nn.Module, batch: Tensors) -> StepLoss:
        """Return the summed losses, and in evaluation the numbers of right predictions."""
        names = ("input_ids", "attention_mask", "token_type_ids")
        inputs: Tensors = {name: batch[name] for name in names if name in batch}
        prediction = predict_at(model, inputs, batch["positions"])
        outputs = {"mlm": (prediction.tokens, batch["labels"])}
        if "next_sentence_label" in batch:
            assert prediction.next_sentence is not None  # `check_heads` saw to it
            outputs["nsp"] = (prediction.next_sentence, batch["next_sentence_label"])
        terms = {name: F.cross_entropy(logits.float(), labels, ignore_index=IGNORED, reduction="sum")
                 for name, (logits, labels) in outputs.items()}
        sums = {} if model.training else {
            name: (logits.argmax(-1) == labels).sum() for name, (logits, labels) in outputs.items()}
        return StepLoss(terms, sums)

    def metrics(self, totals: Totals) -> dict[str, float]:
        """Return loss, perplexity, and accuracies of what was predicted."""
        accuracies = {f"{name}_accuracy": right / totals.units[name] for name, right in totals.sums.items()}
        losses = {f"{name}_loss": value for name, value in totals.means.items()} if len(totals.means) > 1 else {}
        return {"loss": totals.loss, **losses, "perplexity": math.exp(min(totals.means["mlm"], 700.0)), **accuracies}
