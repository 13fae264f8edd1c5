"""AWD-LSTM (Merity et al. 2018), the recurrent language model of ULMFiT (Howard and Ruder 2018), and its QRNN variant.

The multi-layer QRNN of the same shape is the language model of MultiFiT (Eisenschlos et al. 2019).
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from transformers import AutoConfig, AutoModel, AutoModelForCausalLM, PreTrainedConfig, PreTrainedModel
from transformers.modeling_outputs import BaseModelOutput, CausalLMOutput

from jptransfer.config import ModelConfig
from jptransfer.models.layers.cells import CELLS, FREE, Clamp, State, embed, variational_dropout
from jptransfer.models.streams import HasDecoder, Reading, reading_order

INITIAL = 0.1
"""Initial embeddings are drawn from U(-INITIAL, INITIAL)."""


class AwdLstmConfig(PreTrainedConfig):
    """Sizes, direction and dropouts; `hidden_size` is the width of embeddings and of the top layer's states."""

    model_type = "jpt_awd_lstm"
    vocab_size: int = 32000
    hidden_size: int = 400
    recurrent_size: int = 1152
    num_hidden_layers: int = 3
    cell: str = "lstm"
    direction: str = "forward"
    output_dropout: float = 0.1
    hidden_dropout: float = 0.15
    input_dropout: float = 0.25
    embedding_dropout: float = 0.02
    weight_dropout: float = 0.2
    pad_token_id: int | None = 0
    tie_word_embeddings: bool = True


def configuration(config: ModelConfig, vocab_size: int, pad_id: int) -> AwdLstmConfig:
    """Return the configuration from which `AutoModel…` classes build the model."""
    size = config.awd_lstm
    return AwdLstmConfig(
        vocab_size=vocab_size, pad_token_id=pad_id, hidden_size=size.embedding, recurrent_size=size.hidden,
        num_hidden_layers=size.layers, cell=size.cell.value, direction=size.direction.value,
        output_dropout=size.output_dropout, hidden_dropout=size.hidden_dropout, input_dropout=size.input_dropout,
        embedding_dropout=size.embedding_dropout, weight_dropout=size.weight_dropout)


class _AwdLstm(PreTrainedModel):
    config_class = AwdLstmConfig
    base_model_prefix = "encoder"

    @torch.no_grad()
    def _init_weights(self, module: Any) -> None:
        """Draw embeddings from U(-.1, .1); the padding row and the decoder's bias are zero; layers reset themselves."""
        if isinstance(module, nn.Embedding):
            nn.init.uniform_(module.weight, -INITIAL, INITIAL)
            if module.padding_idx is not None and not getattr(module.weight, "_is_hf_initialized", False):
                nn.init.zeros_(module.weight[module.padding_idx])
        elif isinstance(module, nn.Linear):
            nn.init.zeros_(module.bias)
        elif hasattr(module, "reset_parameters"):
            module.reset_parameters()


class AwdLstmModel(_AwdLstm):
    """The encoder: embeddings and recurrent layers, the last one as wide as the embeddings."""

    def __init__(self, config: AwdLstmConfig) -> None:
        super().__init__(config)
        self.dropout_factor = 1.0
        self.embeddings = nn.Embedding(config.vocab_size, config.hidden_size, padding_idx=config.pad_token_id)
        widths = [config.hidden_size, *[config.recurrent_size] * (config.num_hidden_layers - 1), config.hidden_size]
        cell = CELLS[config.cell]
        self.layers = nn.ModuleList(
            cell(widths[depth], widths[depth + 1], window=2 if depth == 0 else 1)
            for depth in range(config.num_hidden_layers))
        self.post_init()

    def rate(self, place: str) -> float:
        """Return dropout `place` (output, hidden, input, embedding, weight) times the factor, at most 1."""
        return min(1.0, float(getattr(self.config, f"{place}_dropout")) * self.dropout_factor)

    def get_input_embeddings(self) -> nn.Module:
        """Return the embeddings."""
        return self.embeddings

    def set_input_embeddings(self, value: nn.Module) -> None:
        """Set the embeddings."""
        self.embeddings = value  # type: ignore[assignment]

    @staticmethod
    def parameter_group(parameter_name: str) -> str:
        """Return the layer group of a parameter: embeddings, layer.0, layer.1, ..."""
        first, *rest = parameter_name.split(".")
        return f"layer.{rest[0]}" if first == "layers" else first

    def forward(self, input_ids: Tensor, attention_mask: Tensor | None = None, **_: Any) -> BaseModelOutput:
        """Return the states of the embeddings and of every layer, before the dropout between layers.

        A row is read from its first token to its last, or from last to first with `direction` backward. Padding may be
        at either end. States are returned at the positions of their tokens; states at padding are undefined.

        Args:
            input_ids: (batch, length).
            attention_mask: (batch, length), 0 at padding; None: no padding.
        """
        order = reading_order(input_ids, attention_mask, self.config.direction == "backward")
        states, _state = self.read(input_ids if order is None else input_ids.gather(1, order))
        if order is not None:
            place = order.argsort(1).unsqueeze(-1)
            states = [layer.gather(1, place.expand_as(layer)) for layer in states]
        return BaseModelOutput(last_hidden_state=states[-1], hidden_states=tuple(states))  # type: ignore[arg-type]

    def read(self, ids: Tensor, state: State | None = None) -> tuple[list[Tensor], State]:
        """Read `ids` (batch, length) in this order, starting from `state`; return all layers' states and the last one.

        Dropout on the input and between layers uses one mask for all positions; there is none after the top layer.
        """
        found = [embed(self.embeddings, ids, self.rate("embedding"), self.training)]
        below, after = variational_dropout(found[0], self.rate("input"), self.training), []
        left = list(state) if state is not None else None
        for layer in self.layers:
            start: State = layer.start(below)  # type: ignore[operator]
            if left is not None:
                start, left = tuple(left[:len(start)]), left[len(start):]
            states, last = layer(below, start, self.rate("weight"))
            found.append(states)
            after += last
            below = variational_dropout(states, self.rate("hidden"), self.training)
        return found, tuple(after)


class AwdLstmForCausalLM(HasDecoder, _AwdLstm):
    """The language model: the encoder and a decoder with the embeddings' weights and its own bias."""

    _tied_weights_keys = {"decoder.weight": "encoder.embeddings.weight"}

    def __init__(self, config: AwdLstmConfig) -> None:
        super().__init__(config)
        self.encoder = AwdLstmModel(config)
        self.decoder = nn.Linear(config.hidden_size, config.vocab_size)
        self.post_init()

    def forward(self, input_ids: Tensor, attention_mask: Tensor | None = None, **_: Any) -> CausalLMOutput:
        """Return the scores (batch, length, vocabulary) of the next token, of the previous one in a backward model."""
        output = self.encoder(input_ids, attention_mask)
        dropped = variational_dropout(output.last_hidden_state, self.encoder.rate("output"), self.training)
        return CausalLMOutput(logits=self.decoder(dropped), hidden_states=output.hidden_states)

    def scale_dropouts(self, factor: float) -> None:
        """Multiply all dropouts, see `jptransfer.models.streams.StreamModel`."""
        self.encoder.dropout_factor = factor

    def read_stream(self, ids: Tensor, state: State | None) -> Reading:
        """Read a window, see `jptransfer.models.streams.StreamModel`."""
        states, after = self.encoder.read(ids, state)
        return Reading(states[-1], variational_dropout(states[-1], self.encoder.rate("output"), self.training), after)

    def stepper(self) -> AwdLstmStepper:
        """Return what reads token by token, see `jptransfer.models.streams.SteppedModel`."""
        return AwdLstmStepper(self)


class AwdLstmStepper:
    """An AWD-LSTM or QRNN that reads token by token."""

    def __init__(self, model: AwdLstmForCausalLM) -> None:
        """Take the weights of `model`."""
        self.embeddings, self.decoder = model.encoder.embeddings, model.decoder
        self.layers: list[Any] = list(model.encoder.layers)
        self.width = model.config.hidden_size

    @torch.no_grad()
    def __call__(self, ids: Tensor, state: State | None, clamp: Clamp) -> tuple[Tensor, State]:
        """Read one token per row, see `jptransfer.models.streams.Stepper`; the state is that of all layers."""
        below, after = self.embeddings(ids), []
        left = list(state or ())
        for layer in self.layers:
            start = layer.start(below.unsqueeze(1))
            if state is not None:
                start, left = tuple(left[:len(start)]), left[len(start):]
            below, kept = layer.step(below, start, clamp if layer is self.layers[-1] else FREE)
            after += kept
        return self.decoder(below), tuple(after)


AutoConfig.register(AwdLstmConfig.model_type, AwdLstmConfig)
AutoModel.register(AwdLstmConfig, AwdLstmModel)
AutoModelForCausalLM.register(AwdLstmConfig, AwdLstmForCausalLM)
