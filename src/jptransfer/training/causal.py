"""Causal language modelling of recurrent models: parallel streams of text, read window by window (truncated BPTT).

The documents of a split, in an order drawn anew for every epoch and each framed as fine-tuning frames a text
([CLS] text [SEP]), form one long text. It is cut into as many *streams* as a batch has rows; a global batch is one
window of all streams, and the model's state goes on from window to window. Regularisation of activations: Merity,
McCann and Socher 2017.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from jptransfer.config import LmTrainingConfig
from jptransfer.errors import ConfigError
from jptransfer.models.cells import State
from jptransfer.models.streams import StreamModel
from jptransfer.tasks.base import IGNORED
from jptransfer.text.encoded import EncodedSplit
from jptransfer.text.types import Tokenizer
from jptransfer.training.randomness import generator
from jptransfer.training.shapes import Shapes
from jptransfer.training.softmax import count_right, linear_cross_entropy
from jptransfer.training.types import Batch, StepLoss, Tensors, Totals


@dataclass(frozen=True)
class _Text:
    """The framed documents of an epoch in a row: where each begins here (documents + 1,) and in the split."""

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


class CausalData:
    """Windows of the streams of an encoded split, see `training.types.TrainingData`.

    Example `w * streams + s` is window w of stream s. All windows have one width, so that a stream always falls into
    the same part; what does not fill a last window is left out, at most one token in `max_length`.
    """

    def __init__(self, split: EncodedSplit, tokenizer: Tokenizer, config: LmTrainingConfig, backward: bool = False,
                 limit: int | None = None) -> None:
        """Cut the streams of `split`.

        Args:
            split: token ids.
            tokenizer: gives the ids of special tokens.
            config: rows of a batch (`batch_tokens` / `max_length`, fewer if the text is short), windows, parts, seed.
            backward: the text is read from its end.
            limit: windows of single streams to use at most, the first ones.
        """
        self.split, self.tokenizer, self.config, self.backward = split, tokenizer, config, backward
        edges = np.asarray(split.sentences)[np.asarray(split.documents)]
        lengths = np.diff(edges)
        self._sources, self._lengths = edges[:-1][lengths > 0], lengths[lengths > 0]
        self.tokens = int(self._lengths.sum()) + 2 * len(self._lengths)
        self.streams = max(1, min(most_streams(config), (self.tokens - 1) // config.max_length))
        self.stream_length = max(0, self.tokens - 1) // self.streams
        self.windows, self.width = windows_of(self.stream_length, config.max_length)
        if limit is not None:
            self.windows = min(self.windows, math.ceil(limit / self.streams))
        self._text = lru_cache(maxsize=2)(self._make_text)

    def _make_text(self, epoch: int) -> _Text:
        order = generator(self.config.seed, epoch).permutation(len(self._sources))
        begins = np.concatenate(([0], np.cumsum(self._lengths[order] + 2)))
        return _Text(begins, self._sources[order])

    def batches(self, epoch: int) -> Sequence[Batch]:
        """Return one global batch a window."""
        return _Windows(self.windows, self.streams, self.config.parts)

    def lengths(self, epoch: int) -> np.ndarray:
        """Return the tokens of every window: all the same."""
        return np.full(self.windows * self.streams, self.width)

    def collate(self, indices: np.ndarray, epoch: int) -> Tensors:
        """Return the tensors of windows.

        `input_ids` and the units that follow, `labels`, both (rows, width) in the order of reading; by row: `streams`,
        whether it is the first window of its stream (`start`), and of its labels how many start a `words`, and how many
        characters they have on average (`characters`), if the corpus tells.
        """
        window, stream = np.divmod(indices, self.streams)
        places = (stream * self.stream_length + window * self.width)[:, None] + np.arange(self.width + 1)
        ids, sources = self._read(places, epoch)
        labels = ids[:, 1:].copy()
        # After the end of a document always comes the beginning of one: nothing to learn.
        labels[labels == (self.tokenizer.sep_id if self.backward else self.tokenizer.cls_id)] = IGNORED
        text = sources[:, 1:] >= 0
        words = (np.asarray(self.split.word_starts)[sources[:, 1:]].astype(bool) & text).sum(1)
        arrays = {"input_ids": ids[:, :-1], "labels": labels, "streams": stream, "start": window == 0, "words": words}
        if self.split.characters:
            arrays["characters"] = text.sum(1) * (self.split.characters / len(self.split.ids))
        return {name: torch.from_numpy(np.ascontiguousarray(array)) for name, array in arrays.items()}

    def _read(self, places: np.ndarray, epoch: int) -> tuple[np.ndarray, np.ndarray]:
        """Return the ids at `places` of the text, and where they stand in the split: -1 for special tokens."""
        text = self._text(epoch)
        if self.backward:
            places = self.tokens - 1 - places
        document = np.searchsorted(text.begins, places, side="right") - 1
        inside = places - text.begins[document]
        first, last = inside == 0, places == text.begins[document + 1] - 1
        sources = np.where(first | last, -1, text.sources[document] + inside - 1)
        ids = np.asarray(self.split.ids)[sources].astype(np.int64)
        ids[first], ids[last] = self.tokenizer.cls_id, self.tokenizer.sep_id
        return ids, sources


def most_streams(config: LmTrainingConfig) -> int:
    """Return the rows of a full batch."""
    return max(1, config.batch_tokens // config.max_length)


def windows_of(length: int, most: int) -> tuple[int, int]:
    """Return how many windows of which width, at most `most`, to cut a stream into, so that the rest is small."""
    if length < 1:
        return 0, 0
    fewer, more = max(1, length // most), math.ceil(length / most)
    return max(((count, min(most, length // count)) for count in (fewer, more)), key=lambda cut: cut[0] * cut[1])


class CausalLanguageModel:
    """The objective: cross-entropy of the next unit, with AR and TAR in training.

    It carries the state of every stream from window to window; training and evaluation have states of their own.
    """

    def __init__(self, config: LmTrainingConfig, model: nn.Module) -> None:
        """Take the settings, and set the model's dropout multiplier.

        Raises:
            ConfigError: the model does not read streams.
        """
        if not isinstance(model, StreamModel):
            raise ConfigError("objective.name=causal trains recurrent language models of this project, "
                              f"not {type(model).__name__}")
        self.config, self.settings = config, config.objective.causal
        self.backward = model.config.direction == "backward"
        model.scale_dropouts(self.settings.dropout)
        self._carried: dict[bool, _Carried] = {learning: _Carried(most_streams(config)) for learning in (True, False)}

    def data(self, split: EncodedSplit, tokenizer: Tokenizer, limit: int | None = None,
             shapes: Shapes | None = None) -> CausalData:
        """Return what it is trained on; windows have one shape anyway."""
        return CausalData(split, tokenizer, self.config, self.backward, limit)

    def units(self, batch: Tensors) -> dict[str, float]:
        """Return the numbers of predictions (`lm`), of states (`ar`) and of steps between states (`tar`)."""
        rows, width = batch["labels"].shape
        return {"lm": float((batch["labels"] != IGNORED).sum()), "ar": float(rows * width),
                "tar": float(rows * (width - 1))}

    def __call__(self, model: Any, batch: Tensors) -> StepLoss:
        """Return the summed losses, and in evaluation the counts behind the metrics."""
        carried = self._carried[model.training]
        reading = model.read_stream(batch["input_ids"], carried.take(batch["streams"], batch["start"]))
        carried.put(batch["streams"], reading.state)
        decoder, labels = model.get_output_embeddings(), batch["labels"].flatten()
        seen = reading.dropped.flatten(0, 1)
        loss = {"lm": linear_cross_entropy(seen, decoder, labels)}
        if not model.training:
            counts: Tensors = {name: batch[name].sum() for name in ("words", "characters") if name in batch}
            return StepLoss(loss, {"correct": count_right(seen, decoder, labels)} | counts)
        return StepLoss(loss | self._regularisation(reading.states, reading.dropped))

    def _regularisation(self, states: Tensor, dropped: Tensor) -> Tensors:
        """Return AR, of the states that the decoder reads, and TAR, of the steps of the states without dropout."""
        terms = {}
        if self.settings.ar:
            terms["ar"] = self.settings.ar * dropped.float().square().mean(-1).sum()
        if self.settings.tar:
            terms["tar"] = self.settings.tar * states.float().diff(dim=1).square().mean(-1).sum()
        return terms

    def metrics(self, totals: Totals) -> dict[str, float]:
        """Return the loss and perplexities by unit, word and character, and the share of units predicted right."""
        units = totals.units["lm"]
        values = {"loss": totals.loss, "perplexity": _perplexity(totals.loss)}
        for name, count in (("word", totals.sums.get("words")), ("character", totals.sums.get("characters"))):
            if count:
                values[f"{name}_perplexity"] = _perplexity(totals.loss * units / count)
        return {**values, "accuracy": totals.sums["correct"] / max(1.0, units)}

    def state_dict(self) -> Tensors:
        """Return the states that this process carries in training, see `training.types.Stateful`."""
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
        """Return the states of streams, zero where `start`; None before anything was read."""
        if self.state is None:
            return None
        self.state = tuple(part.to(rows.device) for part in self.state)
        return tuple(part[rows].masked_fill(start.view(-1, *[1] * (part.ndim - 1)), 0.0) for part in self.state)

    def put(self, rows: Tensor, state: State) -> None:
        """Keep the states of streams."""
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


def _perplexity(loss: float) -> float:
    return math.exp(min(loss, 700.0))
