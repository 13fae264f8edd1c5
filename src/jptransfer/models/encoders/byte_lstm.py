"""Byte language models of one recurrent layer: LSTM and multiplicative LSTM (Radford et al. 2017, section 3).

The recurrence is in `models.layers.byte_cells`. With 4,096 units, embeddings of 64 and 256 symbols the multiplicative
one has 86,319,360 parameters.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, TypeVar

import torch
from torch import Tensor, nn
from transformers import AutoConfig, AutoModel, AutoModelForCausalLM, PreTrainedConfig, PreTrainedModel
from transformers.modeling_outputs import BaseModelOutput, CausalLMOutput

from jptransfer.config import ModelConfig
from jptransfer.config.features import States
from jptransfer.models.encoders.byte_lstm_settings import ByteLstmModelConfig
from jptransfer.models.layers.byte_cells import ByteLstmLayer, MultiplicativeLstmLayer, step
from jptransfer.models.layers.cells import Clamp, State
from jptransfer.models.streams import HasDecoder, Reading, reading_order

INITIAL = 0.02
"""Standard deviation of initial embeddings and of the decoder's weights."""


class ByteLstmConfig(PreTrainedConfig):
    """Sizes, of which `hidden_size` is the width of the states, and which states an encoder returns (see `States`)."""

    model_type = "jpt_byte_lstm"
    vocab_size: int = 256
    hidden_size: int = 4096
    embedding_size: int = 64
    num_hidden_layers: int = 1
    direction: str = "forward"
    states: str = "hidden"
    pad_token_id: int | None = 0
    tie_word_embeddings: bool = False


class MultiplicativeLstmConfig(ByteLstmConfig):
    """Sizes of a multiplicative LSTM."""

    model_type = "jpt_multiplicative_lstm"


Made = TypeVar("Made", bound=ByteLstmConfig)


def configuration(config: ModelConfig, vocab_size: int, pad_id: int) -> ByteLstmConfig:
    """Return the configuration from which `AutoModel…` classes build an LSTM."""
    return _configuration(ByteLstmConfig, config.byte_lstm, vocab_size, pad_id)


def multiplicative_configuration(config: ModelConfig, vocab_size: int, pad_id: int) -> MultiplicativeLstmConfig:
    """Return the configuration from which `AutoModel…` classes build a multiplicative LSTM."""
    return _configuration(MultiplicativeLstmConfig, config.multiplicative_lstm, vocab_size, pad_id)


def _configuration(kind: type[Made], size: ByteLstmModelConfig, vocab_size: int, pad_id: int) -> Made:
    return kind(vocab_size=vocab_size, hidden_size=size.hidden_size, embedding_size=size.embedding_size,
                pad_token_id=pad_id)


@dataclass
class ByteLstmOutput(BaseModelOutput):
    """States of the layer; `cells`: (batch, length, width) its cells, of which the last is the feature of a text."""

    cells: Tensor | None = None


class _ByteLstm(PreTrainedModel):
    config_class = ByteLstmConfig
    base_model_prefix = "encoder"

    def _init_weights(self, module: Any) -> None:
        """Draw embeddings and decoder from N(0, 0.02²); the layer resets itself."""
        if isinstance(module, nn.Embedding | nn.Linear):
            nn.init.normal_(module.weight, std=INITIAL)
            if isinstance(module, nn.Linear):
                nn.init.zeros_(module.bias)
        elif isinstance(module, ByteLstmLayer):
            module.reset_parameters()


class ByteLstmModel(_ByteLstm):
    """The encoder: embeddings of bytes and one layer."""

    layer_class: ClassVar[type[ByteLstmLayer]] = ByteLstmLayer

    def __init__(self, config: ByteLstmConfig) -> None:
        super().__init__(config)
        self.embeddings = nn.Embedding(config.vocab_size, config.embedding_size)
        self.layers = nn.ModuleList([self.layer_class(config.embedding_size, config.hidden_size)])
        self.post_init()

    def get_input_embeddings(self) -> nn.Module:
        """Return the embeddings."""
        return self.embeddings

    def set_input_embeddings(self, value: nn.Module) -> None:
        """Set the embeddings."""
        self.embeddings = value  # type: ignore[assignment]

    @staticmethod
    def parameter_group(parameter_name: str) -> str:
        """Return the layer group of a parameter: embeddings or layer.0."""
        first, *rest = parameter_name.split(".")
        return f"layer.{rest[0]}" if first == "layers" else first

    def read(self, ids: Tensor, state: State | None = None) -> tuple[list[Tensor], State]:
        """Read `ids` (batch, length) from `state` on, see `jptransfer.models.windows.WindowReader`."""
        states, cells = self.read_cells(ids, state)
        return [self._returned(states, cells)], (states[:, -1], cells[:, -1])

    def _returned(self, hidden: Tensor, cells: Tensor) -> Tensor:
        match States(self.config.states):
            case States.hidden:
                return hidden
            case States.cell:
                return cells
        return cells.tanh()

    def read_cells(self, ids: Tensor, state: State | None = None) -> tuple[Tensor, Tensor]:
        """Return hidden states and cells (batch, length, width) after each of `ids`, from `state` on (None: zeros)."""
        layer: Any = self.layers[0]
        return layer(ids, self.embeddings.weight, layer.start(len(ids)) if state is None else state)

    def forward(self, input_ids: Tensor, attention_mask: Tensor | None = None, **_: Any) -> ByteLstmOutput:
        """Return the states of the layer at the positions of the ids; states at padding are undefined.

        Args:
            input_ids: (batch, length).
            attention_mask: (batch, length), 0 at padding, which may be at either end; None: no padding.
        """
        order = reading_order(input_ids, attention_mask, backward=False)
        states, cells = self.read_cells(input_ids if order is None else input_ids.gather(1, order))
        if order is not None:
            place = order.argsort(1).unsqueeze(-1).expand_as(states)
            states, cells = states.gather(1, place), cells.gather(1, place)
        returned: Any = self._returned(states, cells)
        return ByteLstmOutput(last_hidden_state=returned, hidden_states=(returned,), cells=cells)  # type: ignore[arg-type]


class ByteLstmForCausalLM(HasDecoder, _ByteLstm):
    """The language model: the encoder and a linear layer that scores the next byte."""

    encoder_class: ClassVar[type[ByteLstmModel]] = ByteLstmModel

    def __init__(self, config: ByteLstmConfig) -> None:
        super().__init__(config)
        self.encoder = self.encoder_class(config)
        self.decoder = nn.Linear(config.hidden_size, config.vocab_size)
        self.post_init()

    def forward(self, input_ids: Tensor, attention_mask: Tensor | None = None, **_: Any) -> CausalLMOutput:
        """Return the scores (batch, length, vocabulary) of the next byte."""
        output = self.encoder(input_ids, attention_mask)
        return CausalLMOutput(logits=self.decoder(output.last_hidden_state), hidden_states=output.hidden_states)

    def scale_dropouts(self, factor: float) -> None:
        """Do nothing: the model has no dropout (see `jptransfer.models.streams.StreamModel`)."""

    def read_stream(self, ids: Tensor, state: State | None) -> Reading:
        """Read a window, see `jptransfer.models.streams.StreamModel`."""
        [states], after = self.encoder.read(ids, state)
        return Reading(states, states, after)

    def stepper(self) -> ByteStepper:
        """Return what reads byte by byte, see `jptransfer.models.streams.SteppedModel`."""
        return ByteStepper(self)


class ByteStepper:
    """A byte language model that reads byte by byte; its weights are normalised once."""

    @torch.no_grad()
    def __init__(self, model: ByteLstmForCausalLM) -> None:
        """Prepare the weights of `model`."""
        encoder: Any = model.encoder
        self.layer = encoder.layers[0]
        self.weights = self.layer.prepare(encoder.embeddings.weight)
        self.decoder: nn.Linear = model.decoder
        self.width = model.config.hidden_size

    @torch.no_grad()
    def __call__(self, ids: Tensor, state: State | None, clamp: Clamp) -> tuple[Tensor, State]:
        """Read one byte per row, see `jptransfer.models.streams.Stepper`."""
        hidden, cell = step(ids, self.weights, state or self.layer.start(len(ids)), clamp)
        return self.decoder(hidden), (hidden, cell)


class MultiplicativeLstmModel(ByteLstmModel):
    """The encoder with a multiplicative layer."""

    config_class = MultiplicativeLstmConfig
    layer_class = MultiplicativeLstmLayer


class MultiplicativeLstmForCausalLM(ByteLstmForCausalLM):
    """The language model with a multiplicative layer."""

    config_class = MultiplicativeLstmConfig
    encoder_class = MultiplicativeLstmModel


for _config, _encoder, _language_model in (
        (ByteLstmConfig, ByteLstmModel, ByteLstmForCausalLM),
        (MultiplicativeLstmConfig, MultiplicativeLstmModel, MultiplicativeLstmForCausalLM)):
    AutoConfig.register(_config.model_type, _config)
    AutoModel.register(_config, _encoder)
    AutoModelForCausalLM.register(_config, _language_model)
