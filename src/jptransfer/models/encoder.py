"""The one encoder interface: token ids in, states and a mask out; and language-model heads at chosen positions.

Works on any encoder of transformers, whatever its family calls its parts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from jptransfer.errors import ConfigError


@dataclass(frozen=True)
class Encoded:
    """What an encoder makes of a batch.

    Attributes:
        states: of every layer, the embeddings' first, the top layer's last: (batch, length, width) each.
        mask: (batch, length) bool, where there is a token.
    """

    states: tuple[Tensor, ...]
    mask: Tensor

    @property
    def last(self) -> Tensor:
        """The top layer's states."""
        return self.states[-1]


def encode(model: nn.Module, inputs: Mapping[str, Tensor]) -> Encoded:
    """Run the encoder of `model` (any model of transformers, with or without head) on `input_ids`, `attention_mask`."""
    output = encoder_of(model)(**inputs, output_hidden_states=True, return_dict=True)
    mask = inputs.get("attention_mask")
    present = torch.ones_like(inputs["input_ids"]) if mask is None else mask
    return Encoded(tuple(output.hidden_states), present.bool())


def encoder_of(model: nn.Module) -> nn.Module:
    """Return the encoder inside a model with a head, or the model itself if it is one."""
    return model.base_model  # type: ignore[return-value]


def longest_input(model: nn.Module) -> int:
    """Return the longest sequence that the model has positions for, special tokens included."""
    for name, module in model.named_modules():
        if name.endswith("position_embeddings") and isinstance(module, nn.Embedding):
            # RoBERTa's positions begin after that of padding.
            return module.num_embeddings - (0 if module.padding_idx is None else module.padding_idx + 1)
    return model.config.max_position_embeddings  # type: ignore[union-attr, return-value]


@dataclass(frozen=True)
class Prediction:
    """Logits of a language model.

    Attributes:
        tokens: (n, vocabulary) at the n positions asked for.
        next_sentence: (batch, 2) where the model has that head: follows, does not follow.
    """

    tokens: Tensor
    next_sentence: Tensor | None


def predict_at(model: nn.Module, inputs: Mapping[str, Tensor], positions: Tensor) -> Prediction:
    """Run a language model whose head sees the encoder's states at `positions` only.

    The head of a masked language model is as costly as several layers, and only one token in seven is predicted. The
    encoder's output is narrowed before the model's own head reads it, so this needs no knowledge of the head.

    Args:
        positions: (n,) indices into the flattened (batch x length) ids.
    """
    def narrow(module: nn.Module, arguments: Any, output: Any) -> Any:
        states = output.last_hidden_state
        output.last_hidden_state = states.reshape(1, -1, states.shape[-1])[:, positions]
        return output

    handle = encoder_of(model).register_forward_hook(narrow)
    try:
        output = model(**inputs, return_dict=True)
    finally:
        handle.remove()
    tokens = output.prediction_logits if "prediction_logits" in output else output.logits
    return Prediction(tokens[0], output.get("seq_relationship_logits"))


def check_heads(model: nn.Module, next_sentence: bool) -> None:
    """Raise `ConfigError` if next-sentence prediction is asked of a model without that head."""
    if next_sentence and not hasattr(getattr(model, "cls", None), "seq_relationship"):
        raise ConfigError(f"objective.next_sentence: {type(model).__name__} has no next-sentence head; "
                          "start from scratch or from a model with one, or set it to false")


def compile_layers(model: nn.Module) -> None:
    """Compile the repeated blocks in place (regional compilation): one compilation serves all layers."""
    for stack in model.modules():
        if isinstance(stack, nn.ModuleList) and len({type(block) for block in stack}) == 1:
            for block in stack:
                block.compile()
