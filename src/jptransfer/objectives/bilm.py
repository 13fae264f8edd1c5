"""Bidirectional language modelling (Peters et al. 2018, section 3.1): the next word and, from the end, the one before.

Both directions read the whole text in parallel streams, one from the beginning and one from the end, each with its own
carried state. Units are words, each with its own number of ids (see `models.layers.word_rows`).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import nn

from jptransfer.config import LmTrainingConfig
from jptransfer.errors import ConfigError
from jptransfer.models.streams import BidirectionalStreamModel
from jptransfer.objectives.softmax import count_right, linear_cross_entropy, sampled_cross_entropy
from jptransfer.objectives.streams import Carrier, Streams, most_streams, perplexity
from jptransfer.tasks.base import IGNORED
from jptransfer.text.encoded import EncodedSplit
from jptransfer.text.types import Tokenizer
from jptransfer.training.shapes import Shapes
from jptransfer.training.types import LossOutput, LossTotals, Tensors

BLOCK = 1 << 24
"""Number of token ids that are searched at a time."""


class WordPlaces:
    """Positions of the words of a split among its ids, found by sentence, without an array of all words.

    Attributes:
        before: (sentences + 1,) number of words before every sentence.
    """

    def __init__(self, split: EncodedSplit) -> None:
        self.split = split
        self.sentences = np.asarray(split.sentences)
        self.before = np.zeros(len(self.sentences), np.int64)
        first = total = 0
        while first < split.n_sentences:
            last = max(first + 1, int(np.searchsorted(self.sentences, self.sentences[first] + BLOCK)) - 1)
            block = np.asarray(split.word_starts[self.sentences[first]:self.sentences[last]])
            counts = np.concatenate(([0], np.cumsum(block, dtype=np.int64)))
            self.before[first + 1:last + 1] = total + counts[self.sentences[first + 1:last + 1] - self.sentences[first]]
            total += int(counts[-1])
            first = last

    def ids(self, first: int, last: int) -> np.ndarray:
        """Return the ids of the words `first` to `last` (exclusive): the id of each word and of its characters."""
        return np.asarray(self.split.ids[self._place(first):self._place(last)])

    def _place(self, word: int) -> int:
        if word == self.before[-1]:
            return len(self.split.ids)
        sentence = int(np.searchsorted(self.before, word, side="right")) - 1
        start, end = self.sentences[sentence:sentence + 2]
        return int(start + np.flatnonzero(self.split.word_starts[start:end])[word - self.before[sentence]])


class BilmData(Streams):
    """Windows of words from the streams of an encoded split, for both directions.

    As in the authors' code (bilm-tf), each sentence is enclosed in special tokens and sentences are shuffled, so that
    the model knows the tokens around a single sentence. A sentence is identified by its first word.
    """

    def __init__(self, split: EncodedSplit, tokenizer: Any, config: LmTrainingConfig, limit: int | None = None) -> None:
        """Make the streams of `split`; `tokenizer` must be of kind `views`. See `Streams`."""
        self.places = WordPlaces(split)
        edges = self.places.before
        super().__init__(edges[:-1], np.diff(edges), tokenizer.template.single, config, limit)
        self.tokenizer = tokenizer
        self.characters = (split.characters or 0) / max(1, int(self.places.before[-1]))

    def collate(self, indices: np.ndarray, epoch: int) -> Tensors:
        """Return the tensors of windows.

        `input_ids` (2 * rows, length), padded at the end: the windows of the forward streams, then those of the
        backward ones, in the order of the text; `labels` (2 * rows, width) beside their words; by row: what `starts`
        tells, and `characters`, how many the words have on average.
        """
        begins = self.place(indices)
        spelt = [self._read(begin, epoch) for begin in (*begins, *(self.tokens - begins - self.width - 1))]
        ids, labels = [], np.empty((len(spelt), self.width), np.int64)
        for row, flat in enumerate(spelt):
            words = np.flatnonzero(flat < self.tokenizer.first_character)
            ahead = row < len(indices)
            ids.append(flat[:words[-1]] if ahead else flat[words[1]:])
            labels[row] = flat[words[1:] if ahead else words[:-1]]
            # The end of a sentence is always followed by the beginning of another: nothing to learn.
            labels[row][np.isin(labels[row], self.frame.special[0 if ahead else 1])] = IGNORED
        padded = np.full((len(ids), max(map(len, ids))), self.tokenizer.pad_id, np.int64)
        for target, flat in zip(padded, ids, strict=True):
            target[:len(flat)] = flat
        arrays = {"input_ids": padded, "labels": labels, **self.starts(indices, epoch)}
        if self.characters:
            text = (labels != IGNORED) & ~np.isin(labels, sum(self.frame.special, ()))
            arrays["characters"] = text.sum(1) * self.characters
        return {name: torch.from_numpy(np.ascontiguousarray(array)) for name, array in arrays.items()}

    def _read(self, begin: int, epoch: int) -> np.ndarray:
        """Return the ids of the words `begin` to `begin + width` (inclusive) of the text, including special tokens."""
        text = self.text(epoch)
        before, after = (np.array(group, np.int64) for group in self.frame.special)
        parts: list[np.ndarray] = []
        place, end = int(begin), int(begin) + self.width + 1
        while place < end:
            sentence = int(np.searchsorted(text.begins, place, side="right")) - 1
            opening, ending = text.begins[sentence], text.begins[sentence + 1]
            start, stop = opening + len(before), ending - len(after)
            parts.append(before[place - opening:end - opening])
            first, last = max(place, start), min(end, stop)
            if first < last:
                offset = text.sources[sentence] - start
                parts.append(self.places.ids(int(first + offset), int(last + offset)))
            parts.append(after[max(0, place - stop):max(0, end - stop)])
            place = int(ending)
        return np.concatenate(parts).astype(np.int64)


class BidirectionalLanguageModel(Carrier):
    """Cross-entropy of the next and of the previous word, averaged over both."""

    def __init__(self, config: LmTrainingConfig, model: nn.Module) -> None:
        """Initialise from the settings.

        Raises:
            ConfigError: the model is not a bidirectional language model of words.
        """
        if not isinstance(model, BidirectionalStreamModel):
            raise ConfigError("objective.name=bilm trains language models of two directions, "
                              f"not {type(model).__name__}")
        super().__init__(most_streams(config))
        self.config, self.samples = config, config.objective.bilm.samples

    def data(self, split: EncodedSplit, tokenizer: Tokenizer, limit: int | None = None,
             shapes: Shapes | None = None) -> BilmData:
        """Return the training data."""
        return BilmData(split, tokenizer, self.config, limit)

    def units(self, batch: Tensors) -> dict[str, float]:
        """Return the number of predictions of both directions."""
        return {"lm": float((batch["labels"] != IGNORED).sum())}

    def __call__(self, model: Any, batch: Tensors) -> LossOutput:
        """Return the summed losses, and in evaluation the counts for the metrics."""
        reading = model.read_streams(batch["input_ids"], self.take(model.training, batch))
        self.put(model.training, batch, reading.state)
        decoder, labels = model.get_output_embeddings(), batch["labels"].flatten()
        seen = reading.dropped.flatten(0, 1)
        if model.training and self.samples:
            return LossOutput({"lm": sampled_cross_entropy(seen, decoder, labels, self.samples)})
        if model.training:
            return LossOutput({"lm": linear_cross_entropy(seen, decoder, labels)})
        sums: Tensors = {"correct": count_right(seen, decoder, labels)}
        parts = []
        for name, states, targets in zip(("forward", "backward"), seen.chunk(2), labels.chunk(2), strict=True):
            parts.append(linear_cross_entropy(states, decoder, targets))
            sums |= {f"{name}_loss": parts[-1], f"{name}_words": (targets != IGNORED).sum()}
        if "characters" in batch:
            sums["characters"] = batch["characters"].sum()
        return LossOutput({"lm": sum(parts, start=torch.zeros_like(parts[0]))}, sums)

    def metrics(self, totals: LossTotals) -> dict[str, float]:
        """Return the loss, perplexities per word (of both directions and of each) and per character, and accuracy."""
        units, sums = totals.units["lm"], totals.sums
        values = {"loss": totals.loss, "perplexity": perplexity(totals.loss)}
        for name in ("forward", "backward"):
            values[f"{name}_perplexity"] = perplexity(sums[f"{name}_loss"] / max(1.0, sums[f"{name}_words"]))
        if sums.get("characters"):
            values["character_perplexity"] = perplexity(totals.loss * units / sums["characters"])
        return {**values, "accuracy": sums["correct"] / max(1.0, units)}
