"""ELMo (Peters et al. 2018): words read by their bytes, recurrent layers of both directions, and the language model.

Words are read as in Kim et al. (2016) and Jozefowicz et al. (2016): embeddings of bytes, filters of several widths and
their maxima over the word, highway layers, a projection. Ids come from a tokenizer of kind `views` (its characters need
not be bytes). There is a state per word, not per id (see `models.layers.word_rows`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import dropout
from transformers import AutoConfig, AutoModel, AutoModelForPreTraining, PreTrainedConfig, PreTrainedModel
from transformers.modeling_outputs import ModelOutput

from jptransfer.config import ModelConfig
from jptransfer.models.encoders.elmo_settings import ElmoModelConfig
from jptransfer.models.encoders.embedding import masked
from jptransfer.models.encoders.recurrent import turn
from jptransfer.models.layers.cells import State
from jptransfer.models.layers.projected_lstm import ProjectedLstmLayer
from jptransfer.models.layers.word_rows import BEGIN, END, NOTHING, WordRows, WordsOutput, distinct, word_rows
from jptransfer.models.streams import HasDecoder, Reading

MARKS = TEXT_BEGIN, TEXT_END, WORD_BEGIN, WORD_END, PADDING = tuple(range(5))
"""Symbols other than bytes in the spelling of words; their indices follow those of the bytes."""
PARTS, LEAST_PART = 4, 64
"""Number of parts in which the words of a batch are read, and minimum words per part."""
CARRY = -2.0
"""Initial bias of a highway's gate; a negative value makes the layer pass on most of its input at first."""


class ElmoConfig(PreTrainedConfig):
    """Sizes; `hidden_size` is the width of states of both directions together, words are the ids below
    `first_character`, and with `mix_layers` heads read a mixture of all layers by default."""

    model_type = "jpt_elmo"
    vocab_size: int = 32257
    first_character: int = 32000
    hidden_size: int = 1024
    character_width: int = 16
    max_characters: int = 50
    widths: Sequence[int] = (1, 2, 3, 4, 5, 6, 7)
    filters: Sequence[int] = (32, 32, 64, 128, 256, 512, 1024)
    num_highways: int = 2
    num_hidden_layers: int = 2
    cell_size: int = 4096
    cell_clip: float = 3.0
    projection_clip: float = 3.0
    dropout: float = 0.1
    mix_layers: bool = True
    pad_token_id: int | None = 0


def configuration(config: ModelConfig, vocab_size: int, pad_id: int) -> ElmoConfig:
    """Return the configuration for `AutoModel…` classes; `set_char_vocab` sets the first character id later."""
    size: ElmoModelConfig = config.elmo
    return ElmoConfig(
        vocab_size=vocab_size, first_character=vocab_size - 1, pad_token_id=pad_id, hidden_size=2 * size.projection,
        widths=list(size.widths), filters=list(size.filters), character_width=size.character_width,
        max_characters=size.max_characters, num_highways=size.highways, num_hidden_layers=size.layers,
        cell_size=size.hidden, cell_clip=size.cell_clip, projection_clip=size.projection_clip, dropout=size.dropout)


class Gate(nn.Linear):
    """The linear layer of a highway's gate; its biases are initialised to `CARRY`."""


class Highway(nn.Module):
    """g relu(T x) + (1 - g) x, g = sigmoid(G x) (Srivastava et al. 2015)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.gate, self.transform = Gate(width, width), nn.Linear(width, width)

    def forward(self, inputs: Tensor) -> Tensor:
        """Transform (rows, width)."""
        return torch.lerp(inputs, self.transform(inputs).relu(), self.gate(inputs).sigmoid())


class ByteReader(nn.Module):
    """Vectors of words from their bytes."""

    def __init__(self, config: ElmoConfig) -> None:
        super().__init__()
        self.longest, self.widest = config.max_characters, max(config.widths)
        self.units = config.vocab_size - config.first_character
        self.symbols = nn.Embedding(self.units + len(MARKS), config.character_width)
        self.filters = nn.ModuleList(
            nn.Conv1d(config.character_width, count, width)
            for width, count in zip(config.widths, config.filters, strict=True))
        width = sum(config.filters)
        self.highways = nn.ModuleList(Highway(width) for _ in range(config.num_highways))
        self.projection = nn.Linear(width, config.hidden_size // 2)

    def forward(self, words: WordRows) -> Tensor:
        """Return the vectors (batch, words, projection) of words, zero at padding.

        Each distinct spelling is read once.
        """
        spellings, rows = distinct(self.spell(words))
        strongest, order = self.answers(spellings)
        for highway in self.highways:
            strongest = highway(strongest)
        vectors = self.projection(strongest)[order[rows]]
        spread = vectors.new_zeros(*words.mask.shape, vectors.shape[1])
        return spread.masked_scatter(words.mask.unsqueeze(-1), vectors)

    def answers(self, spellings: Tensor) -> tuple[Tensor, Tensor]:
        """Return the maxima of all filters for distinct words, and each spelling's row in them.

        Words of similar length are read together, so that short words, which are the majority, have little padding.
        """
        lengths = (spellings != self.units + PADDING).sum(1)
        order = lengths.argsort(stable=True)
        read = []
        for part in order.split(max(LEAST_PART, -(-len(order) // PARTS))):
            length = min(self.longest, int(lengths[part[-1]]) + self.widest)
            symbols = self.symbols(spellings[part, :length]).transpose(1, 2)
            read.append(torch.cat([filters(symbols).max(2).values for filters in self.filters], 1).relu())
        return torch.cat(read), order.argsort()

    def spell(self, words: WordRows) -> Tensor:
        """Return the symbols of all words (all words, length): begin, bytes, end, padding.

        The length is that of the longest word of the batch plus the widest filter, at most `max_characters`. With more
        padding the maxima would not change: every filter already has a window of padding only.
        """
        ids, characters = words.words[words.mask].unsqueeze(1), words.characters[words.mask][:, :self.longest - 2]
        # After truncation, characters without their word can follow the first special token; they are ignored.
        mark = (ids == BEGIN) | (ids == END)
        characters = characters.masked_fill(mark, NOTHING)
        symbols = torch.where(characters == NOTHING, self.units + PADDING, characters)
        symbols[:, :1] = torch.where(mark, self.units + torch.where(ids == BEGIN, TEXT_BEGIN, TEXT_END), symbols[:, :1])
        length = min(self.longest, characters.shape[1] + 2 + self.widest)
        spelt = characters.new_full((len(characters), length), self.units + PADDING)
        spelt[:, 0] = self.units + WORD_BEGIN
        spelt[:, 1:1 + symbols.shape[1]] = symbols
        end = 1 + torch.where(mark, 1, (characters != NOTHING).sum(1, keepdim=True))
        return spelt.scatter_(1, end, self.units + WORD_END)


class _Elmo(PreTrainedModel):
    config_class = ElmoConfig
    base_model_prefix = "encoder"
    main_input_name = "input_ids"

    @torch.no_grad()
    def _init_weights(self, module: Any) -> None:
        """Draw weights as in the original implementation."""
        if isinstance(module, nn.Embedding):
            nn.init.uniform_(module.weight, -1.0, 1.0)
        elif isinstance(module, nn.Conv1d):
            nn.init.uniform_(module.weight, -0.05, 0.05)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
        elif isinstance(module, nn.Linear):
            nn.init.normal_(module.weight, std=module.in_features ** -0.5)
            nn.init.constant_(module.bias, CARRY if isinstance(module, Gate) else 0.0)
        elif isinstance(module, ProjectedLstmLayer):
            module.reset_parameters()


class ElmoModel(_Elmo):
    """The encoder: a reader of words and recurrent layers per direction, all but the first with residual connections.
    """

    def __init__(self, config: ElmoConfig) -> None:
        super().__init__(config)
        self.reader = ByteReader(config)
        self.ahead, self.back = (self._layers(config) for _ in range(2))
        self.post_init()

    @staticmethod
    def _layers(config: ElmoConfig) -> nn.ModuleList:
        width = config.hidden_size // 2
        return nn.ModuleList(
            ProjectedLstmLayer(width, config.cell_size, width, config.cell_clip, config.projection_clip)
            for _ in range(config.num_hidden_layers))

    def get_input_embeddings(self) -> nn.Module:
        """Return the embeddings of bytes."""
        return self.reader.symbols

    @staticmethod
    def parameter_group(parameter_name: str) -> str:
        """Return the layer group of a parameter: embeddings (all of the reader), layer.0, layer.1, ..."""
        part, number, *_ = parameter_name.split(".")
        return "embeddings" if part == "reader" else f"layer.{number}"

    def forward(self, input_ids: Tensor, attention_mask: Tensor | None = None, **_: Any) -> WordsOutput:
        """Return the word vectors and the states of every layer, (batch, words, width) each.

        States of both directions are concatenated; the word vectors are repeated to the same width. States at padding
        are zero.

        Args:
            input_ids: (batch, length).
            attention_mask: (batch, length), 0 at padding; None: padding is found by its id.
        """
        words = self.find_words(input_ids, attention_mask)
        vectors = self.reader(words)
        ahead, _after = self.go_on(self.ahead, vectors, None)
        back, _after = self.go_on(self.back, turn(vectors, words.mask), None)
        states = [torch.cat((vectors, vectors), -1)]
        for one, other in zip(ahead, back, strict=True):
            states.append(masked(torch.cat((one, turn(other, words.mask)), -1), words.mask))
        return WordsOutput(last_hidden_state=states[-1], hidden_states=tuple(states),  # type: ignore[arg-type]
                           words=words.words, word_mask=words.mask, places=words.places)  # type: ignore[arg-type]

    def find_words(self, ids: Tensor, mask: Tensor | None) -> WordRows:
        """Find the words, including [CLS] and [SEP], in ids (batch, length), see `models.layers.word_rows`."""
        present = ids != self.config.pad_token_id if mask is None else mask
        return word_rows(ids, present, self.config.first_character, marks=True)

    def go_on(self, layers: nn.ModuleList, inputs: Tensor,
              state: Sequence[Tensor] | None) -> tuple[list[Tensor], State]:
        """Run the layers of a direction on `inputs` (batch, words, width) in this order, starting from `state`.

        Returns:
            The states of all layers, (batch, words, width) each, and the state after the last word.
        """
        found: list[Tensor] = []
        after: State = ()
        for depth, layer in enumerate(layers):
            below = self.drop(found[-1] if depth else inputs)
            start = layer.start(below) if state is None else state[2 * depth:2 * depth + 2]  # type: ignore[operator]
            states, last = layer(below, start)
            found.append(states + below if depth else states)
            after += last
        return found, after

    def drop(self, states: Tensor) -> Tensor:
        """Apply dropout."""
        return dropout(states, self.config.dropout, self.training)


@dataclass
class ElmoLanguageOutput(ModelOutput):
    """Scores (batch, words, vocabulary of words) of the next and of the previous word of each word."""

    next_logits: Tensor | None = None
    previous_logits: Tensor | None = None


class ElmoForPreTraining(HasDecoder, _Elmo):
    """The language model: the encoder, and one decoder for both directions."""

    def __init__(self, config: ElmoConfig) -> None:
        super().__init__(config)
        self.encoder = ElmoModel(config)
        self.decoder = nn.Linear(config.hidden_size // 2, config.first_character)
        self.post_init()

    def forward(self, input_ids: Tensor, attention_mask: Tensor | None = None, **_: Any) -> ElmoLanguageOutput:
        """Return the scores of the words around each word; see `ElmoModel.forward`."""
        ahead, back = self.encoder.drop(self.encoder(input_ids, attention_mask).last_hidden_state).chunk(2, -1)
        return ElmoLanguageOutput(self.decoder(ahead), self.decoder(back))  # type: ignore[arg-type]

    def read_streams(self, ids: Tensor, state: State | None) -> Reading:
        """Read windows of streams, see `jptransfer.models.streams.BidirectionalStreamModel`."""
        vectors = self.encoder.reader(self.encoder.find_words(ids, None))
        ahead, back = vectors.chunk(2)
        parts = (None, None) if state is None else (state[:len(state) // 2], state[len(state) // 2:])
        one, after = self.encoder.go_on(self.encoder.ahead, ahead, parts[0])
        other, before = self.encoder.go_on(self.encoder.back, back.flip(1), parts[1])
        states = torch.cat((one[-1], other[-1].flip(1)))
        return Reading(states, self.encoder.drop(states), after + before)


AutoConfig.register(ElmoConfig.model_type, ElmoConfig)
AutoModel.register(ElmoConfig, ElmoModel)
AutoModelForPreTraining.register(ElmoConfig, ElmoForPreTraining)
