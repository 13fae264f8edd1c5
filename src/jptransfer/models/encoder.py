"""The one encoder interface: token ids in, states and a mask out; and language-model heads at chosen positions.

Works on any encoder of transformers, whatever its family calls its parts.
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
"""Input that says where a tagger's units begin, 1 at their first tokens; it is for the head alone."""
TYPES = "token_type_ids"
"""Input that says which of two texts a token belongs to."""
SPECIAL = "special_tokens_mask"
"""Input that says where the special tokens around a text are, 1 there; for encoders and heads that read text alone."""


@dataclass(frozen=True)
class Encoded:
    """What an encoder makes of a batch.

    Attributes:
        states: of every layer, the embeddings' first, the top layer's last: (batch, length, width) each; of a text read
            in windows the top layer's alone.
        mask: (batch, length) bool, where there is a token.
        backward: whether texts are read from their end, so that the last state is that of the first token.
        ids: (batch, length) of the units that the states are those of.
        places: (batch, length) where in the flattened input ids each state's word begins, if states are those of words.
        units: (batch, length) bool, where a unit of a tagger begins; None: nobody said.
        special: (batch, length) bool, where a state is that of a special token around the text; None: nobody said.
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
        """Return the same without the states of special tokens, as AllenNLP removes sentence boundaries.

        A text that has nothing else keeps the first of them, so that there is something to read.
        """
        if self.special is None:
            return self
        order, mask = text_first(self.mask, self.special)
        states = tuple(part.gather(1, order.unsqueeze(-1).expand_as(part)) for part in self.states)
        ids, places, units = (None if part is None else part.gather(1, order)
                              for part in (self.ids, self.places, self.units))
        return replace(self, states=states, mask=mask, ids=ids, places=places, units=units, special=None)


def text_first(mask: Tensor, special: Tensor) -> tuple[Tensor, Tensor]:
    """Return the order (batch, length) in which tokens of the text come before all others, and the mask of the former.

    A row without any other token keeps its first one.
    """
    kept = mask & ~special
    kept[:, 0] |= ~kept.any(1)
    order = (~kept).to(torch.uint8).argsort(dim=1, stable=True)
    return order, kept.gather(1, order)


def encode(model: nn.Module, inputs: Mapping[str, Tensor]) -> Encoded:
    """Run the encoder of `model` (any model of transformers, with or without head) on `input_ids`, `attention_mask`.

    Of a model with encoder and decoder (T5, BART) it is the encoder alone. Encoders over word vectors (`reads_special`
    is false) read no special tokens.
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

    A tokenizer may give what its model does not take: DistilBERT has BERT's tokenizer, RoBERTa's table has one row.
    """
    kept = dict(inputs)
    if TYPES in kept:
        encoder: Any = encoder_of(model)
        reads = TYPES in signature(encoder.forward).parameters and getattr(encoder.config, "type_vocab_size", 2) > 1
        if not reads:
            del kept[TYPES]
    return kept


def _text_alone(inputs: Mapping[str, Tensor], special: Tensor) -> tuple[dict[str, Tensor], Tensor]:
    """Return inputs whose special tokens are padding at the end, and where in the flattened ids each token was."""
    order, mask = text_first(_present(inputs), special)
    ids = inputs["input_ids"].gather(1, order)
    return {"input_ids": ids, "attention_mask": mask.to(ids.dtype)}, order + first_positions(ids)


def at_ids(encoded: Encoded, inputs: Mapping[str, Tensor]) -> Encoded:
    """Return states that stand beside the input ids: those of words at the words' own ids, and zeros elsewhere."""
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
"""What configurations call the longest input: most; LED; MPT."""


def longest_input(model: nn.Module) -> int | None:
    """Return the longest sequence that the model has positions for, special tokens included; None: any length."""
    tables = [_rows_for_text(module) for name, module in model.named_modules()
              if name.rpartition(".")[2] in _POSITION_TABLES and hasattr(module, "padding_idx")]
    stated = [limit for name in _STATED_POSITIONS if (limit := getattr(model.config, name, None)) and limit > 0]
    return min([*tables[:1], *stated], default=None)  # XLNet says -1


def _rows_for_text(table: Any) -> int:
    """Return the positions of a table, a plain or a quantised one (I-BERT); RoBERTa's begin after that of padding."""
    return table.weight.shape[0] - (0 if table.padding_idx is None else table.padding_idx + 1)


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
    """Return where each row of `ids` (batch, length) begins in the flattened ids: (batch, 1)."""
    return torch.arange(0, ids.numel(), ids.shape[1], device=ids.device)[:, None]


_BERT_LAYERS = frozenset({"bert", "roberta", "xlm-roberta", "camembert", "electra"})
"""Families whose layers are BERT's: what follows attention looks at one position at a time."""


@contextmanager
def top_layer_at(model: nn.Module, positions: Tensor) -> Iterator[bool]:
    """While inside, the encoder's top layer computes its states at `positions` only, if its family allows that.

    Attention still reads every position; its output, the feed-forward layer and all that follows see the chosen ones.
    The values there are the same, and three quarters of the layer's work elsewhere is saved.

    Args:
        positions: (rows, n) indices into the flattened (batch x length) ids; the encoder's states become
            (rows, n, width).

    Yields:
        Whether the encoder does so; otherwise, and when its layers are compiled, its states are those of all positions.
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
    """Return the module of the top layer that joins attention's output and the layer's input."""
    encoder: Any = encoder_of(model)
    if encoder.config.model_type not in _BERT_LAYERS or encoder.config.is_decoder:
        return None
    top = encoder.encoder.layer[-1]
    # Compiled code does not look for hooks that come later.
    return None if top._compiled_call_impl is not None else top.attention.output


def check_heads(model: nn.Module, next_sentence: bool) -> None:
    """Raise `ConfigError` if next-sentence prediction is asked of a model without that head."""
    if next_sentence and not hasattr(getattr(model, "cls", None), "seq_relationship"):
        raise ConfigError(f"objective.mlm.next_sentence: {type(model).__name__} has no next-sentence head; "
                          "start from scratch or from a model with one, or set it to false")


def check_predictions(model: nn.Module, length: int) -> None:
    """Raise `ConfigError` if a language model cannot be trained on texts of `length` tokens by `predict_at`.

    So it is where the head does not read the states at the positions (Perceiver), or where inputs have to have a length
    of their own (Reformer). Random numbers are not used up, but for those of an accelerator.
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
    """Compile the repeated blocks in place (regional compilation): one compilation serves all layers."""
    for stack in model.modules():
        if isinstance(stack, nn.ModuleList) and len({type(block) for block in stack}) == 1:
            for block in stack:
                block.compile()
