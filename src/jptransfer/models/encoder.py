"""Interface of all encoders: token ids in, states and a mask out; and language-model heads at given positions.

It works with any encoder of transformers, independent of the parameter names of its family.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from inspect import signature
from typing import Any

import torch
from torch import Tensor, nn

from jptransfer.errors import ConfigError, raising_as
from jptransfer.models.layers.word_rows import WordsOutput, at_places

UNITS = "units"
"""Input with 1 at the first token of each unit that a tagger labels; only the head reads it."""
TYPES = "token_type_ids"
"""Input with the index (0 or 1) of the text that a token belongs to."""
SPECIAL = "special_tokens_mask"
"""Input with 1 at the special tokens around a text; for encoders and heads that skip these tokens."""


@dataclass(frozen=True)
class Encoded:
    """Output of an encoder for a batch.

    Attributes:
        states: (batch, length, width) per layer, from the embeddings to the top layer; only the top layer's if texts
            were read in windows.
        mask: (batch, length) bool, True at tokens, False at padding.
        backward: whether texts are read from their end, so that the last state in reading order is the first token's.
        ids: (batch, length) ids of the tokens that the states belong to.
        places: (batch, length) index of each word's first id in the flattened input ids, if states belong to words.
        units: (batch, length) bool, True at the first token of a unit that a tagger labels; None if unknown.
        special: (batch, length) bool, True at special tokens around the text; None if unknown.
    """

    states: tuple[Tensor, ...]
    mask: Tensor
    backward: bool = False
    ids: Tensor | None = None
    places: Tensor | None = None
    units: Tensor | None = None
    special: Tensor | None = None

    @property
    def last(self) -> Tensor:
        """The top layer's states."""
        return self.states[-1]

    def without_special(self) -> Encoded:
        """Return a copy without the states of special tokens, as AllenNLP removes sentence boundaries.

        A text with special tokens only keeps the first one, so that no text is empty.
        """
        if self.special is None:
            return self
        order, mask = text_first(self.mask, self.special)
        states = tuple(part.gather(1, order.unsqueeze(-1).expand_as(part)) for part in self.states)
        ids, places, units = (None if part is None else part.gather(1, order)
                              for part in (self.ids, self.places, self.units))
        return replace(self, states=states, mask=mask, ids=ids, places=places, units=units, special=None)


def text_first(mask: Tensor, special: Tensor) -> tuple[Tensor, Tensor]:
    """Return the order (batch, length) that puts tokens of the text before all others, and their mask in that order.

    A row without tokens of the text keeps its first token.
    """
    kept = mask & ~special
    kept[:, 0] |= ~kept.any(1)
    order = (~kept).to(torch.uint8).argsort(dim=1, stable=True)
    return order, kept.gather(1, order)


def encode(model: nn.Module, inputs: Mapping[str, Tensor]) -> Encoded:
    """Run the encoder of `model` (any model of transformers, with or without head) on `input_ids`, `attention_mask`.

    Only the encoder of an encoder-decoder model (T5, BART) is run. Encoders over word vectors (`reads_special` is
    False) do not read special tokens.
    """
    encoder: Any = encoder_of(model)
    if encoder.config.is_encoder_decoder:
        encoder = encoder.get_encoder()
    inputs = dict(inputs)
    special = inputs.pop(SPECIAL, None)
    places = None
    if special is not None and not getattr(encoder, "reads_special", True):
        inputs, places = _text_alone(inputs, special.bool())
        special = None
    output = encoder(**inputs, output_hidden_states=True, return_dict=True)
    if isinstance(output, WordsOutput):
        assert output.hidden_states is not None and output.word_mask is not None and output.places is not None
        special = None if special is None else special.bool().flatten()[output.places]
        return Encoded(tuple(output.hidden_states), output.word_mask, False, output.words, output.places,
                       special=special)
    backward = getattr(model.config, "direction", "") == "backward"
    return Encoded(tuple(output.hidden_states), _present(inputs), backward, inputs["input_ids"], places,
                   special=None if special is None else special.bool())


def without_unread_types(model: nn.Module, inputs: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return `inputs` without token type ids if the encoder of `model` has no embeddings for them.

    A tokenizer may return token type ids that its model does not take: DistilBERT uses BERT's tokenizer, and RoBERTa's
    table has one row.
    """
    kept = dict(inputs)
    if TYPES in kept:
        encoder: Any = encoder_of(model)
        reads = TYPES in signature(encoder.forward).parameters and getattr(encoder.config, "type_vocab_size", 2) > 1
        if not reads:
            del kept[TYPES]
    return kept


def _text_alone(inputs: Mapping[str, Tensor], special: Tensor) -> tuple[dict[str, Tensor], Tensor]:
    """Return inputs with special tokens moved to the padding at the end, and each token's index in the flattened ids.
    """
    order, mask = text_first(_present(inputs), special)
    ids = inputs["input_ids"].gather(1, order)
    return {"input_ids": ids, "attention_mask": mask.to(ids.dtype)}, order + first_positions(ids)


def at_ids(encoded: Encoded, inputs: Mapping[str, Tensor]) -> Encoded:
    """Return states aligned with the input ids: states of words at the words' first ids, and zeros elsewhere."""
    if encoded.places is None:
        return encoded
    ids = inputs["input_ids"]
    states = (at_places(part, encoded.places, encoded.mask, ids.shape[1]) for part in encoded.states)
    return Encoded(tuple(states), _present(inputs), encoded.backward, ids)


def _present(inputs: Mapping[str, Tensor]) -> Tensor:
    mask = inputs.get("attention_mask")
    return (torch.ones_like(inputs["input_ids"]) if mask is None else mask).bool()


def encoder_of(model: nn.Module) -> nn.Module:
    """Return the encoder inside a model with a head, or the model itself if it is one."""
    return model.base_model  # type: ignore[return-value]


_POSITION_TABLES = ("position_embeddings", "char_position_embeddings")
_STATED_POSITIONS = ("max_position_embeddings", "max_encoder_position_embeddings", "max_seq_len")
"""Configuration fields with the maximum input length: of most families, of LED, of MPT."""


def longest_input(model: nn.Module) -> int | None:
    """Return the maximum sequence length with special tokens, or None if the model has no limit."""
    tables = [_rows_for_text(module) for name, module in model.named_modules()
              if name.rpartition(".")[2] in _POSITION_TABLES and hasattr(module, "padding_idx")]
    # XLNet's configuration has -1, which means no limit.
    stated = [limit for name in _STATED_POSITIONS if (limit := getattr(model.config, name, None)) and limit > 0]
    return min([*tables[:1], *stated], default=None)


def _rows_for_text(table: Any) -> int:
    """Return the positions of a plain or quantised (I-BERT) table; RoBERTa's positions begin after the padding row."""
    return table.weight.shape[0] - (0 if table.padding_idx is None else table.padding_idx + 1)


@dataclass(frozen=True)
class Prediction:
    """Logits of a language model.

    Attributes:
        tokens: (n, vocabulary) at the n requested positions.
        next_sentence: (batch, 2) logits of "follows" and "does not follow"; None if the model has no such head.
    """

    tokens: Tensor
    next_sentence: Tensor | None


def predict_at(model: nn.Module, inputs: Mapping[str, Tensor], positions: Tensor) -> Prediction:
    """Run a language model with its head on the encoder's states at `positions` only.

    The head of a masked language model costs as much as several layers, and only one token in seven is predicted. The
    encoder's output is reduced by a hook before the head reads it, so this works with any head.

    Args:
        model: the language model.
        inputs: inputs of the model, (batch, length) each.
        positions: (n,) indices into the flattened (batch x length) ids.
    """
    pooler = getattr(encoder_of(model), "pooler", None)
    firsts = first_positions(inputs["input_ids"])
    read = positions if pooler is None else torch.cat((firsts[:, 0], positions))

    def firsts_only(module: nn.Module, arguments: tuple[Tensor]) -> tuple[Tensor]:
        return (arguments[0][0, :len(firsts), None],)

    def narrow(module: nn.Module, arguments: Any, output: Any) -> Any:
        states = output.last_hidden_state
        output.last_hidden_state = (
            states[:, len(read) - len(positions):] if narrowed else states.flatten(0, 1)[positions][None])
        return output

    with top_layer_at(model, read[None]) as narrowed, ExitStack() as hooks:
        hooks.callback(encoder_of(model).register_forward_hook(narrow).remove)
        if narrowed and pooler is not None:
            hooks.callback(pooler.register_forward_pre_hook(firsts_only).remove)
        output = model(**inputs, return_dict=True)
    tokens = output.prediction_logits if "prediction_logits" in output else output.logits
    return Prediction(tokens[0], output.get("seq_relationship_logits"))


def first_positions(ids: Tensor) -> Tensor:
    """Return the index in the flattened ids at which each row of `ids` (batch, length) begins: (batch, 1)."""
    return torch.arange(0, ids.numel(), ids.shape[1], device=ids.device)[:, None]


_BERT_LAYERS = frozenset({"bert", "roberta", "xlm-roberta", "camembert", "electra"})
"""Families with BERT's layers, in which everything after attention works on single positions."""


@contextmanager
def top_layer_at(model: nn.Module, positions: Tensor) -> Iterator[bool]:
    """Context in which the encoder's top layer computes states at `positions` only, if its family supports that.

    Attention still reads every position; its output, the feed-forward layer and later layers only see the given
    positions. The values there are the same, and three quarters of the layer's work at other positions is saved.

    Args:
        model: a model with or without head.
        positions: (rows, n) indices into the flattened (batch x length) ids; the encoder's states become
            (rows, n, width).

    Yields:
        Whether the states are reduced; False for other families and compiled layers, which return all positions.
    """
    place = _after_attention(model)
    if place is None:
        yield False
        return

    def narrow(module: nn.Module, arguments: tuple[Tensor, Tensor]) -> tuple[Tensor, ...]:
        return tuple(states.flatten(0, 1)[positions] for states in arguments)

    handle = place.register_forward_pre_hook(narrow)
    try:
        yield True
    finally:
        handle.remove()


def _after_attention(model: nn.Module) -> nn.Module | None:
    """Return the module of the top layer that adds attention's output and the layer's input, None if unsupported."""
    encoder: Any = encoder_of(model)
    if encoder.config.model_type not in _BERT_LAYERS or encoder.config.is_decoder:
        return None
    top = encoder.encoder.layer[-1]
    # Compiled code ignores hooks that are registered later.
    return None if top._compiled_call_impl is not None else top.attention.output


def check_heads(model: nn.Module, next_sentence: bool) -> None:
    """Raise `ConfigError` if next-sentence prediction is configured for a model without that head."""
    if next_sentence and not hasattr(getattr(model, "cls", None), "seq_relationship"):
        raise ConfigError(f"objective.mlm.next_sentence: {type(model).__name__} has no next-sentence head; "
                          "start from scratch or from a model with one, or set it to false")


def check_predictions(model: nn.Module, length: int) -> None:
    """Raise `ConfigError` if a language model cannot be trained on texts of `length` tokens by `predict_at`.

    Examples are models whose head does not read the states at the positions (Perceiver), and models that require
    certain input lengths (Reformer). The random state of the CPU and of a CUDA device is restored afterwards.
    """
    config: Any = encoder_of(model).config
    mode, device = model.training, next(model.parameters()).device
    model.train()
    with (raising_as(f"{type(model).__name__} cannot be trained further as it is configured", ConfigError),
          torch.no_grad(), torch.random.fork_rng(devices=[device] if device.type == "cuda" else [])):
        for width in sorted({length, max(1, length - 1)}):
            ids = torch.arange(width, device=device)[None] % config.vocab_size
            positions = torch.tensor([width - 1, 0], device=device)
            found = predict_at(model, {"input_ids": ids, "attention_mask": torch.ones_like(ids)}, positions)
            if found.tokens.shape[:-1] != positions.shape:
                raise ConfigError(f"{type(model).__name__} has no logits for single positions; it cannot be trained "
                                  "further")
    model.train(mode)


def compile_layers(model: nn.Module) -> None:
    """Compile the repeated blocks in place (regional compilation): all layers share one compilation."""
    for stack in model.modules():
        if isinstance(stack, nn.ModuleList) and len({type(block) for block in stack}) == 1:
            for block in stack:
                block.compile()
