"""Masked language modelling, with next-sentence prediction as an option: the data and the objective."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from random import Random

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from jptransfer.config import LmTrainingConfig
from jptransfer.models.encoder import check_heads, predict_at
from jptransfer.objectives.masking import choose_positions, prediction_budget, replace
from jptransfer.objectives.mlm_settings import Masking, MlmConfig
from jptransfer.objectives.sequences import Sequences, sentence_pairs, single_sequences
from jptransfer.objectives.streams import perplexity
from jptransfer.tasks.base import IGNORED
from jptransfer.text.cuts import Cut
from jptransfer.text.encoded import EncodedSplit
from jptransfer.text.types import Frame, Tokenizer
from jptransfer.training.batching import token_batches
from jptransfer.training.randomness import bits, derive, generator
from jptransfer.training.shapes import Shapes
from jptransfer.training.target_counts import Predictions
from jptransfer.training.types import Batch, LossOutput, LossTotals, Tensors

# First key of the random numbers, by purpose.
_ORDER, _PAIRS, _SUBSET, _MASKS = range(4)
_REPLACEMENTS = 1 << 32
"""Added to a column to get the second random number of a position."""


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
        """Make the sequences of `split`.

        Args:
            split: token ids.
            tokenizer: provides the special tokens of a text or a pair.
            config: lengths, batches, masks, seed.
            limit: size of a random subset of the sequences, the same in every epoch.
            shapes: the shapes that batches may have. None: as small as possible.
        """
        self.split, self.tokenizer, self.config, self.limit, self.shapes = split, tokenizer, config, limit, shapes
        self.objective: MlmConfig = config.objective.mlm
        self.frame: Frame = tokenizer.template.frame(self.objective.next_sentence)
        self._sequences = lru_cache(maxsize=2)(self._make_sequences)
        self._random = lru_cache(maxsize=2)(self._make_random)

    def batches(self, epoch: int) -> Sequence[Batch]:
        """Return global batches of parts of similar length."""
        lengths = self.lengths(epoch)
        config = self.config
        return token_batches(lengths, config.batch_tokens, config.micro_batches, _ORDER, config.seed, epoch)

    def lengths(self, epoch: int) -> np.ndarray:
        """Return the number of tokens of every sequence, including special tokens."""
        return self.sequences(epoch).lengths

    def sequences(self, epoch: int) -> Sequences:
        """Return the sequences of an epoch; without pairs they are the same in every epoch."""
        return self._sequences(self._copy(epoch) if self.objective.next_sentence else 0)

    def cut(self) -> Cut:
        """Count the tokens cut off pairs of the first epoch that were too long; without pairs nothing is lost."""
        found = self.sequences(0)
        lost, pairs = found.lost
        return Cut(len(found), pairs, int(found.tokens.sum()) + lost, lost, limit=self.config.max_length)

    def predictions(self, indices: np.ndarray, epoch: int) -> Predictions:
        """Count the predictions in these sequences."""
        sequences = self.sequences(epoch).take(indices)
        frame = self._frame(sequences, int(sequences.lengths.max()))
        chosen = self._choose(frame, self._random(self._copy(epoch))[indices])
        asked = self._budget(sequences).sum()
        return Predictions(sequences.tokens.sum(), asked, len(chosen))

    def _copy(self, epoch: int) -> int:
        """Return the number of the set of pairs and masks that an epoch uses."""
        return epoch % self.objective.copies if self.objective.masking is Masking.static else epoch

    def _make_sequences(self, copy: int) -> Sequences:
        config = self.config
        if self.objective.next_sentence:
            random = Random(f"{_PAIRS} {config.seed} {copy}")
            found = sentence_pairs(self.split, config.max_length, len(self.frame), self.objective.short_sequences,
                                   random)
        else:
            found = single_sequences(self.split, config.max_length, len(self.frame), config.pack)
        if self.limit is None or len(found) <= self.limit:
            return found
        return found.take(np.sort(generator(_SUBSET, config.seed).permutation(len(found))[: self.limit]))

    def _make_random(self, copy: int) -> np.ndarray:
        """Return random bits per sequence (n,); those of its positions are derived from them."""
        return bits(_MASKS, self.config.seed, copy, np.arange(len(self.sequences(copy))))

    def collate(self, indices: np.ndarray, epoch: int) -> Tensors:
        """Return the tensors of a masked part.

        `input_ids` and, where there is padding, `attention_mask`, and `token_type_ids` where they are not all 0 (all
        rows, width); with pairs `next_sentence_label` (rows,); what to predict: `positions` in the flattened ids and
        their `labels` (n,).
        """
        sequences = self.sequences(epoch).take(indices)
        rows, width = len(sequences), int(sequences.lengths.max())
        if self.shapes:
            rows, width = self.shapes.rectangle(rows, width)
            sequences, indices = sequences.padded_to(rows), np.resize(indices, rows)
        frame = self._frame(sequences, width)
        seen, positions, labels = self._mask(frame, self._random(self._copy(epoch))[indices])
        arrays = {"input_ids": seen, "positions": positions, "labels": labels}
        if sequences.paired:
            arrays["next_sentence_label"] = frame.sequences.random_next
        if self.frame.has_types:
            arrays["token_type_ids"] = self._type_ids(frame)
        if self.shapes or not frame.present.all():
            arrays["attention_mask"] = frame.present.astype(np.int64)
        return {name: torch.from_numpy(array) for name, array in arrays.items()}

    def _frame(self, sequences: Sequences, width: int) -> _Frame:
        """Return `sequences` with their special tokens, padded to a rectangle."""
        rows, lengths = np.arange(len(sequences)), sequences.lengths
        begin, *after = map(len, self.frame.special)
        present = np.arange(width) < lengths[:, None]
        ids = np.empty(present.shape, np.int64)
        ids[:, begin:] = _text(self.split.ids, sequences, width - begin, after[0])
        ids[~present] = self.tokenizer.pad_id
        content = present.copy()
        for group, column in zip(self.frame.special, self._columns(sequences), strict=True):
            for place, token in enumerate(group):
                ids[rows, column + place] = token
                content[rows, column + place] = False
        return _Frame(sequences, ids, present, content)

    def _columns(self, sequences: Sequences) -> list[np.ndarray]:
        """Return the column in which each group of special tokens begins, (rows,) each."""
        begin, *after = map(len, self.frame.special)
        middle = begin + sequences.first_lengths
        return [np.zeros_like(middle), *([middle] if sequences.paired else []), sequences.lengths - after[-1]]

    def _type_ids(self, frame: _Frame) -> np.ndarray:
        """Return the token type ids (rows, width); padding has 0."""
        columns, place = self._columns(frame.sequences), np.arange(frame.ids.shape[1])
        types = np.zeros(frame.ids.shape, np.int64)
        for group, text_type, column in zip(self.frame.special, self.frame.text_types, columns, strict=False):
            types[place >= column[:, None] + len(group)] = text_type
        for group_types, column in zip(self.frame.special_types, columns, strict=True):
            for number, special_type in enumerate(group_types):
                types[np.arange(len(types)), column + number] = special_type
        return types * frame.present

    def _starts(self, frame: _Frame) -> np.ndarray:
        """Return where a unit of masking starts, (rows, width) bool: every token of the text, or where a word does."""
        if not self.objective.whole_word:
            return frame.content
        rows, width = frame.content.shape
        begin, after = len(self.frame.special[0]), len(self.frame.special[1])
        starts = np.zeros(frame.content.shape, bool)
        starts[:, begin:] = _text(self.split.word_starts, frame.sequences, width - begin, after)
        starts[:, begin:begin + 1] = True
        if frame.sequences.paired:
            second = begin + frame.sequences.first_lengths + after
            inside = second < width
            starts[np.flatnonzero(inside), second[inside]] = True
        starts &= frame.content
        return starts

    def _mask(self, frame: _Frame, random: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return the masked ids, and flat positions and labels of the predictions.

        Args:
            frame: the sequences; its ids are changed in place.
            random: (rows,) random bits of the sequences.
        """
        rows, width = frame.ids.shape
        positions = self._choose(frame, random)
        row, column = np.divmod(positions, width)
        seen = frame.ids
        labels = seen.reshape(-1)[positions]
        seen.reshape(-1)[positions] = replace(labels, self.objective, self.tokenizer.mask_id, self.tokenizer.vocab_size,
                                              derive(random[row], column + _REPLACEMENTS))
        if self.shapes:
            most = int(prediction_budget(np.array([width]), self.objective)[0]) * rows
            positions = np.pad(positions, (0, most - len(positions)))
            labels = np.pad(labels, (0, most - len(labels)), constant_values=IGNORED)
        return seen, positions, labels

    def _budget(self, sequences: Sequences) -> np.ndarray:
        """Return the number of predictions per sequence. Pairs are made and masked as in BERT's original code."""
        return prediction_budget(sequences.tokens, self.objective, sequences.lengths if sequences.paired else None)

    def _choose(self, frame: _Frame, random: np.ndarray) -> np.ndarray:
        """Return the flat positions of the predictions."""
        budget = self._budget(frame.sequences)
        order = derive(random[:, None], np.arange(frame.ids.shape[1]))
        return choose_positions(self._starts(frame), frame.content, budget, order)


@dataclass(frozen=True)
class _Frame:
    """Sequences padded to a rectangle.

    Attributes:
        sequences: the rows.
        ids: (rows, width) int64, token ids with special tokens and padding.
        present: (rows, width) bool, False at padding.
        content: (rows, width) bool, True at tokens of the text.
    """

    sequences: Sequences
    ids: np.ndarray
    present: np.ndarray
    content: np.ndarray


def _text(array: np.ndarray, sequences: Sequences, width: int, gap: int) -> np.ndarray:
    """Return the values of `array` (tokens,) for the text of `sequences`, (rows, width).

    `gap` columns are left between first and second segment. Values there and after the end are undefined.
    """
    array = np.asarray(array)  # without the memory map's class, whose every operation costs more
    starts = sequences.first[:, 0]
    if not sequences.paired and starts.max() + width <= len(array):
        # Whole rows of memory: half the time of a look-up for each token.
        return np.ndarray((len(array) - width + 1, width), array.dtype, array, strides=array.strides * 2)[starts]
    column = np.arange(width)
    source = starts[:, None] + column
    if sequences.paired:
        jump = sequences.second[:, 0] - sequences.first[:, 1] - gap
        source += (column >= sequences.first_lengths[:, None] + gap) * jump[:, None]
    return array.take(source, mode="clip")


class MaskedLanguageModel:
    """Cross-entropy at the masked positions, plus that of next-sentence prediction if there are pairs.

    The language-model head is computed at the masked positions only.
    """

    def __init__(self, config: LmTrainingConfig, model: nn.Module) -> None:
        """Initialise from the settings.

        Raises:
            ConfigError: next-sentence prediction is requested for a model without that head.
        """
        check_heads(model, config.objective.mlm.next_sentence)
        self.config = config

    def data(self, split: EncodedSplit, tokenizer: Tokenizer, limit: int | None = None,
             shapes: Shapes | None = None) -> MaskedData:
        """Return the training data, see `MaskedData`."""
        return MaskedData(split, tokenizer, self.config, limit, shapes)

    def units(self, batch: Tensors) -> dict[str, float]:
        """Return the number of predictions (`mlm`) and of pairs (`nsp`)."""
        units = {"mlm": float((batch["labels"] != IGNORED).sum())}
        if "next_sentence_label" in batch:
            units["nsp"] = float((batch["next_sentence_label"] != IGNORED).sum())
        return units

    def __call__(self, model: nn.Module, batch: Tensors) -> LossOutput:
        """Return the summed losses, and in evaluation the numbers of correct predictions."""
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
        return LossOutput(terms, sums)

    def metrics(self, totals: LossTotals) -> dict[str, float]:
        """Return loss, perplexity, and accuracies."""
        accuracies = {f"{name}_accuracy": right / max(1.0, totals.units[name]) for name, right in totals.sums.items()}
        losses = {f"{name}_loss": value for name, value in totals.means.items()} if len(totals.means) > 1 else {}
        return {"loss": totals.loss, **losses, "perplexity": perplexity(totals.means["mlm"]), **accuracies}
