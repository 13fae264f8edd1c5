"""Recurrent nets over token vectors: plain (Elman 1990) and LSTM (Hochreiter and Schmidhuber 1997)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import linear
from transformers import AutoConfig, AutoModel, PreTrainedConfig
from transformers.modeling_outputs import BaseModelOutput

from jptransfer.config import ModelConfig
from jptransfer.models.encoders.embedding import VectorModel, VectorTable, masked
from jptransfer.models.encoders.embedding_settings import Vectors
from jptransfer.models.encoders.recurrent_settings import RecurrentModelConfig
from jptransfer.models.layers.batching import CPU_PADDING, sorted_batches
from jptransfer.models.layers.cells import StepWeights, lstm_steps
from jptransfer.models.layers.word_rows import at_places


class RecurrentConfig(PreTrainedConfig):
    """Size of a recurrent encoder; `hidden_size` is the width of its states, both directions together."""

    def __init__(self, vocab_size: int = 8, embedding_size: int = 300, hidden_size: int = 256,
                 num_hidden_layers: int = 1, bidirectional: bool = False, dropout: float = 0.0, mode: str = "rand",
                 pad_token_id: int = 0, initial: str = "uniform", **settings: Any) -> None:
        self.vocab_size, self.embedding_size, self.hidden_size = vocab_size, embedding_size, hidden_size
        self.num_hidden_layers, self.bidirectional = num_hidden_layers, bidirectional
        self.dropout, self.mode, self.initial = dropout, mode, initial
        super().__init__(pad_token_id=pad_token_id, **settings)


class RnnConfig(RecurrentConfig):
    """Size of a plain recurrent encoder."""

    model_type = "jpt_rnn"


class LstmConfig(RecurrentConfig):
    """Size of an LSTM encoder."""

    model_type = "jpt_lstm"


class RecurrentLayer(nn.Module):
    """One recurrent layer in one direction or both; texts are padded at their end.

    The backward net reads every text from its last token, so padding comes after the text in both directions. Unlike
    torch's packed sequences this needs no lengths on the CPU, and shapes stay static. On a CPU, texts of similar length
    are read together, so little or no padding is read.
    """

    def __init__(self, cell: type[nn.RNNBase], width: int, hidden: int, bidirectional: bool) -> None:
        super().__init__()
        self.ahead = cell(width, hidden, batch_first=True)  # type: ignore[arg-type]
        self.back = cell(width, hidden, batch_first=True) if bidirectional else None  # type: ignore[arg-type]
        self.laid_out: list[StepWeights] | None = None
        """Converted weights, set inside `inference_cache`."""

    def forward(self, states: Tensor, mask: Tensor, which: Tensor | None = None) -> Tensor:
        """Return the states (batch, length, hidden or 2 * hidden), forward then backward; undefined at padding.

        Args:
            states: inputs (batch, length, width); with `which` the distinct inputs (n, width).
            mask: (batch, length), 0 at padding.
            which: (batch, length), index of the distinct input at each position.
        """
        if self._goes_by_steps(states):
            return self._by_steps(states.flatten(0, -2), mask, which).view(*mask.shape, -1)
        states = states if which is None else states[which]
        return self._by_length(states, mask) if _is_plain(states) else self._padded(states, mask)

    def at_places(self, states: Tensor, mask: Tensor, which: Tensor, places: Tensor, length: int) -> Tensor:
        """Return the states of `forward` at their positions, see `jptransfer.models.layers.word_rows.at_places`."""
        if self._goes_by_steps(states):
            return self._by_steps(states, mask, which, places, length).view(len(mask), length, -1)
        return at_places(self(states, mask, which), places, mask, length)

    def _goes_by_steps(self, states: Tensor) -> bool:
        return _is_plain(states) and isinstance(self.ahead, nn.LSTM) and not torch.is_grad_enabled()

    def _padded(self, states: Tensor, mask: Tensor) -> Tensor:
        ahead = self.ahead(states)[0]
        if self.back is None:
            return ahead
        return torch.cat((ahead, turn(self.back(turn(states, mask))[0], mask)), dim=-1)

    def _by_length(self, states: Tensor, mask: Tensor) -> Tensor:
        """Read texts of similar length together, so that a CPU reads little padding."""
        lengths, length = mask.sum(1).clamp_min(1), mask.shape[1]
        flat = states.flatten(0, 1)
        nets = self._nets()
        read: list[list[Tensor]] = [[] for _ in nets]
        places: list[list[Tensor]] = [[] for _ in nets]
        for part in sorted_batches(lengths.tolist(), len(lengths), CPU_PADDING):
            texts = torch.tensor(part).unsqueeze(1)
            steps = torch.arange(int(lengths[part[0]]))
            from_end = lengths[texts] - 1 - steps
            for number, at in enumerate((steps, torch.where(from_end >= 0, from_end, steps))[:len(nets)]):
                there = texts * length + at
                inputs = flat.index_select(0, there.flatten()).view(*there.shape, -1)
                places[number].append(there.flatten())
                read[number].append(nets[number](inputs)[0].flatten(0, 1))
        sides = []
        for found, states_there in zip(map(torch.cat, places), map(torch.cat, read), strict=True):
            source = torch.zeros(mask.numel(), dtype=torch.int64)
            source[found] = torch.arange(len(found))
            sides.append(states_there.index_select(0, source))
        return torch.cat(sides, 1).view(*mask.shape, -1)

    def _by_steps(self, rows: Tensor, mask: Tensor, which: Tensor | None, places: Tensor | None = None,
                  length: int = 0) -> Tensor:
        """Read all texts together, at every step those that have not ended; zeros at padding.

        The product of `rows` (n, width) and the input weights is computed once per row, even if a row is read often.
        """
        lengths, order = mask.sum(1).sort(descending=True, stable=True)
        steps = torch.arange(int(lengths[0])).unsqueeze(1)
        going = steps < lengths
        sizes, nets = going.sum(1).tolist(), self.laid_out or self._lay_out()
        room = mask.numel() if places is None else len(mask) * length
        found = rows.new_zeros(room, len(nets) * self.ahead.hidden_size)
        for net, at, out in zip(nets, (steps, lengths - 1 - steps), found.chunk(len(nets), 1), strict=False):
            source = (order * mask.shape[1] + at)[going]
            read = source if which is None else which.flatten()[source]
            if len(rows) < len(read):
                of_row = linear(rows, net.inputs, net.bias)
                gates: Iterable[Tensor] = map(partial(of_row.index_select, 0), read.split(sizes))
            else:
                gates = linear(rows[read], net.inputs, net.bias).split(sizes)
            target = source if places is None else places.flatten()[source]
            out.index_copy_(0, target, lstm_steps(gates, net.recurrent))
        return found

    def _lay_out(self) -> list[StepWeights]:
        return [StepWeights.of(net) for net in self._nets()]

    def _nets(self) -> list[Any]:
        return [net for net in (self.ahead, self.back) if net is not None]


def _is_plain(states: Tensor) -> bool:
    return states.is_cpu and not torch.is_autocast_enabled("cpu") and not torch.compiler.is_compiling()


@contextmanager
def inference_cache(model: nn.Module) -> Iterator[None]:
    """Convert the weights of recurrent layers once instead of in every batch; weights must not change inside."""
    layers = [part for part in model.modules() if isinstance(part, RecurrentLayer)
              and isinstance(part.ahead, nn.LSTM) and part.ahead.weight_ih_l0.is_cpu]
    try:
        with torch.no_grad():
            for layer in layers:
                layer.laid_out = layer._lay_out()
        yield
    finally:
        for layer in layers:
            layer.laid_out = None


def turn(states: Tensor, mask: Tensor) -> Tensor:
    """Return states (batch, length, width) with the tokens of every text reversed and padding left in place."""
    places = torch.arange(states.shape[1], device=states.device)
    from_end = mask.sum(1, keepdim=True) - 1 - places
    source = torch.where(from_end >= 0, from_end, places)
    return states.gather(1, source.unsqueeze(-1).expand_as(states))


class RecurrentModel(VectorModel):
    """Token vectors and recurrent layers; the head can read the states of every layer."""

    cell: type[nn.RNNBase]

    def __init__(self, config: RecurrentConfig) -> None:
        super().__init__(config)
        self.table = VectorTable(config.vocab_size, config.embedding_size, config.pad_token_id, Vectors(config.mode),
                                 config.initial)
        self.dropout = nn.Dropout(config.dropout)
        one_way = config.hidden_size // (2 if config.bidirectional else 1)
        widths = [config.embedding_size] + [config.hidden_size] * (config.num_hidden_layers - 1)
        self.layers = nn.ModuleList(RecurrentLayer(self.cell, width, one_way, config.bidirectional) for width in widths)
        self.post_init()

    def forward(self, input_ids: Tensor, attention_mask: Tensor | None = None, **_: Any) -> BaseModelOutput:
        """Return the vectors and the states of every layer, (batch, length, width) each, zero at padding."""
        mask = torch.ones_like(input_ids) if attention_mask is None else attention_mask
        states = [masked(self.table(input_ids), mask)]
        for layer in self.layers:
            states.append(masked(layer(self.dropout(states[-1]), mask), mask))
        return BaseModelOutput(last_hidden_state=states[-1], hidden_states=tuple(states))


class RnnModel(RecurrentModel):
    """Recurrent encoder with plain cells: h' = tanh(W x + U h + b)."""

    config_class, cell = RnnConfig, nn.RNN


class LstmModel(RecurrentModel):
    """Recurrent encoder with LSTM cells."""

    config_class, cell = LstmConfig, nn.LSTM


def rnn(config: ModelConfig, vocab_size: int, pad_id: int) -> RnnConfig:
    """Return the configuration of an `RnnModel`."""
    return RnnConfig(**_sizes(config.rnn), vocab_size=vocab_size, pad_token_id=pad_id)


def lstm(config: ModelConfig, vocab_size: int, pad_id: int) -> LstmConfig:
    """Return the configuration of an `LstmModel`."""
    return LstmConfig(**_sizes(config.lstm), vocab_size=vocab_size, pad_token_id=pad_id)


def _sizes(size: RecurrentModelConfig) -> dict[str, Any]:
    return {"embedding_size": size.width, "hidden_size": size.hidden * (2 if size.bidirectional else 1),
            "num_hidden_layers": size.layers, "bidirectional": size.bidirectional, "dropout": size.dropout,
            "mode": size.mode.value, "initial": size.initial.value}


for _config, _model in ((RnnConfig, RnnModel), (LstmConfig, LstmModel)):
    AutoConfig.register(_config.model_type, _config)
    AutoModel.register(_config, _model)
