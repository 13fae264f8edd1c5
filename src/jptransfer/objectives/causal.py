"""Causal language modelling of recurrent models, in parallel streams with a carried state (see `objectives.streams`).

Regularisation of activations: Merity, McCann and Socher 2017.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from jptransfer.config import LmTrainingConfig
from jptransfer.errors import ConfigError
from jptransfer.models.streams import StreamModel
from jptransfer.objectives.softmax import count_right, linear_cross_entropy
from jptransfer.objectives.streams import Carrier, Streams, most_streams, perplexity
from jptransfer.tasks.base import IGNORED
from jptransfer.text.encoded import EncodedSplit
from jptransfer.text.types import Tokenizer
from jptransfer.training.shapes import Shapes
from jptransfer.training.types import LossOutput, LossTotals, Tensors

BEFORE, AFTER = -1, -2
"""Markers for the special tokens before and after a document."""


class CausalData(Streams):
    """Windows from the streams of an encoded split. A document is identified by its first token."""

    def __init__(self, split: EncodedSplit, tokenizer: Tokenizer, config: LmTrainingConfig, backward: bool = False,
                 limit: int | None = None) -> None:
        """Make the streams of `split`.

        Args:
            split: token ids.
            tokenizer: provides the special tokens around a document.
            config, limit: see `Streams`.
            backward: whether to read the text from its end.
        """
        edges = np.asarray(split.sentences)[np.asarray(split.documents)]
        # A split that is evaluated is one shard: it has a limit.
        shard_tokens = config.objective.causal.shard_tokens if limit is None else None
        super().__init__(edges[:-1], np.diff(edges), tokenizer.template.single, config, limit, shard_tokens)
        self.split, self.backward = split, backward
        self.bytes, self.frame_is_text = (getattr(tokenizer, name, False) for name in ("of_bytes", "frame_is_text"))

    def collate(self, indices: np.ndarray, epoch: int) -> Tensors:
        """Return the tensors of windows.

        `input_ids` and the units that follow, `labels`, both (rows, width) in the order of reading; by row: what
        `starts` tells, and of its labels how many start a word (`words`), how many characters they have on average
        (`characters`), if the corpus tells, and how many bytes (`bytes`), if the units are bytes.
        """
        begins = self.place(indices)
        ids, sources = self._read(begins[:, None] + np.arange(self.width + 1), epoch)
        labels = ids[:, 1:].copy()
        if not self.frame_is_text:
            # The end of a document is always followed by the beginning of another: nothing to learn.
            labels[sources[:, 1:] == (AFTER if self.backward else BEFORE)] = IGNORED
        text = sources[:, 1:] >= 0
        words = (np.asarray(self.split.word_starts)[sources[:, 1:].clip(0)].astype(bool) & text).sum(1)
        arrays = {"input_ids": ids[:, :-1], "labels": labels, "words": words,
                  **self.starts(indices, epoch)}
        if self.bytes:
            arrays["bytes"] = (text | self.frame_is_text).sum(1)
        if self.split.characters:
            arrays["characters"] = text.sum(1) * (self.split.characters / len(self.split.ids))
        return {name: torch.from_numpy(np.ascontiguousarray(array)) for name, array in arrays.items()}

    def _read(self, places: np.ndarray, epoch: int) -> tuple[np.ndarray, np.ndarray]:
        """Return the ids at `places` of the text, and their positions in the split (`BEFORE` or `AFTER` if special)."""
        text = self.text(epoch)
        if self.backward:
            places = self.tokens - 1 - places
        document = np.searchsorted(text.begins, places, side="right") - 1
        inside, left = places - text.begins[document], text.begins[document + 1] - places
        before, after = (np.array(group, np.int64) for group in self.frame.special)
        first, last = inside < len(before), left <= len(after)
        sources = np.where(first, BEFORE, np.where(last, AFTER, text.sources[document] + inside - len(before)))
        ids = np.asarray(self.split.ids)[sources.clip(0)].astype(np.int64)
        ids[first], ids[last] = before[inside[first]], after[len(after) - left[last]]
        return ids, sources


class CausalLanguageModel(Carrier):
    """Cross-entropy of the next token, with AR and TAR in training."""

    def __init__(self, config: LmTrainingConfig, model: nn.Module) -> None:
        """Initialise from the settings, and set the model's dropout multiplier.

        Raises:
            ConfigError: the model does not read streams.
        """
        if not isinstance(model, StreamModel):
            raise ConfigError("objective.name=causal trains recurrent language models of this project, "
                              f"not {type(model).__name__}")
        super().__init__(most_streams(config))
        self.config, self.settings = config, config.objective.causal
        self.backward = model.config.direction == "backward"
        model.scale_dropouts(self.settings.dropout)

    def data(self, split: EncodedSplit, tokenizer: Tokenizer, limit: int | None = None,
             shapes: Shapes | None = None) -> CausalData:
        """Return the training data; `shapes` is not used, because all windows have the same shape."""
        return CausalData(split, tokenizer, self.config, self.backward, limit)

    def units(self, batch: Tensors) -> dict[str, float]:
        """Return the numbers of predictions (`lm`), of states (`ar`) and of steps between states (`tar`)."""
        rows, width = batch["labels"].shape
        return {"lm": float((batch["labels"] != IGNORED).sum()), "ar": float(rows * width),
                "tar": float(rows * (width - 1))}

    def __call__(self, model: Any, batch: Tensors) -> LossOutput:
        """Return the summed losses, and in evaluation the counts for the metrics."""
        reading = model.read_stream(batch["input_ids"], self.take(model.training, batch))
        self.put(model.training, batch, reading.state)
        decoder, labels = model.get_output_embeddings(), batch["labels"].flatten()
        seen = reading.dropped.flatten(0, 1)
        loss = {"lm": linear_cross_entropy(seen, decoder, labels)}
        if not model.training:
            counts: Tensors = {name: batch[name].sum() for name in ("words", "characters", "bytes")
                               if name in batch}
            return LossOutput(loss, {"correct": count_right(seen, decoder, labels)} | counts)
        return LossOutput(loss | self._regularisation(reading.states, reading.dropped))

    def _regularisation(self, states: Tensor, dropped: Tensor) -> Tensors:
        """Return AR (of the states that the decoder reads) and TAR (of the differences of states before dropout)."""
        terms = {}
        if self.settings.ar:
            terms["ar"] = self.settings.ar * dropped.float().square().mean(-1).sum()
        if self.settings.tar:
            terms["tar"] = self.settings.tar * states.float().diff(dim=1).square().mean(-1).sum()
        return terms

    def metrics(self, totals: LossTotals) -> dict[str, float]:
        """Return the loss, perplexities per token, word and character, and the share of correctly predicted tokens.

        Models of bytes also have `bits_per_byte` (Radford et al. 2017, section 3).
        """
        units = totals.units["lm"]
        values = {"loss": totals.loss, "perplexity": perplexity(totals.loss)}
        for name, count in (("word", totals.sums.get("words")), ("character", totals.sums.get("characters"))):
            if count:
                values[f"{name}_perplexity"] = perplexity(totals.loss * units / count)
        if totals.sums.get("bytes"):
            values["bits_per_byte"] = totals.loss * units / totals.sums["bytes"] / math.log(2)
        return {**values, "accuracy": totals.sums["correct"] / max(1.0, units)}
