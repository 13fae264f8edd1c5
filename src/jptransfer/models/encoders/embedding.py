"""A table of token vectors, random or from a file, and the encoder that consists of this table."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import embedding
from transformers import AutoConfig, AutoModel, PreTrainedConfig, PreTrainedModel
from transformers import initialization as init
from transformers.modeling_outputs import BaseModelOutput

from jptransfer.config import ModelConfig
from jptransfer.errors import ConfigError
from jptransfer.models.encoders.embedding_settings import EmbeddingModelConfig, Initial, Vectors
from jptransfer.text.types import SPECIAL_TOKENS, Tokenizer
from jptransfer.text.vectors import read_vectors

BOUND = 0.25
"""Uniform random vectors are drawn from U(-BOUND, BOUND), as in the code of Kim (2014)."""


class EmbeddingConfig(PreTrainedConfig):
    """Size of the table; `mode` selects frozen and trainable parts (`Vectors`), `initial` the distribution (`Initial`).
    """

    model_type = "jpt_embedding"

    def __init__(self, vocab_size: int = 8, hidden_size: int = 300, mode: str = "rand", pad_token_id: int = 0,
                 initial: str = "uniform", **settings: Any) -> None:
        self.vocab_size, self.hidden_size, self.mode, self.initial = vocab_size, hidden_size, mode, initial
        super().__init__(pad_token_id=pad_token_id, **settings)


class VectorTable(nn.Module):
    """Token vectors: a trainable table, a frozen one, or the sum of both.

    Kim's multichannel model (2014, section 3.1) applies each filter to both tables and adds the results. As filters are
    linear, this equals applying them to the sum, so any encoder and head can use both channels.
    """

    frozen: Tensor | None

    def __init__(self, size: int, width: int, pad_id: int | None, mode: Vectors, initial: str = "uniform") -> None:
        """Set the vocabulary size, the width of a vector, the padding id (None: no padding), the tables, and how
        random vectors are drawn (`Initial`)."""
        super().__init__()
        self.pad_id, self.initial = pad_id, Initial(initial)
        self.learning = nn.Parameter(torch.empty(size, width)) if mode is not Vectors.static else None
        frozen = torch.empty(size, width) if mode in (Vectors.static, Vectors.multichannel) else None
        self.register_buffer("frozen", frozen)

    def forward(self, ids: Tensor) -> Tensor:
        """Return the vectors (batch, length, width) of ids (batch, length)."""
        channels = [embedding(ids, table, self.pad_id) for table in self.tables()]
        return channels[0] if len(channels) == 1 else channels[0] + channels[1]

    def tables(self) -> list[Tensor]:
        """Return the existing tables, (size, width) each."""
        return [table for table in (self.learning, self.frozen) if table is not None]

    @property
    def deviation(self) -> float:
        """The standard deviation of random vectors."""
        width: int = self.tables()[0].shape[1]
        return width ** -0.5 if self.initial is Initial.normal else BOUND / 3 ** 0.5

    def draw(self) -> None:
        """Draw random vectors, the same for all tables; the padding vector is zero."""
        first, *others = self.tables()
        if self.initial is Initial.normal:
            init.normal_(first, 0.0, self.deviation)
        else:
            init.uniform_(first, -BOUND, BOUND)
        if self.pad_id is not None:
            init.zeros_(first[self.pad_id])
        for other in others:
            init.copy_(other, first)

    @torch.no_grad()
    def fill(self, path: Path, tokenizer: Tokenizer, setting: str = "width") -> dict[str, Any]:
        """Load vectors from a file, and return how much of the vocabulary it covers.

        A token gets the vector of the word with the same spelling. Other tokens keep their random vectors, scaled to
        the variance of the file's vectors (Kim 2014, section 4.3). `setting` is the name of the width in messages.

        Raises:
            ConfigError: the file's vectors have another width, or none of its words is a token.
            DataError: the file is damaged.
        """
        first, width = self.tables()[0], self.tables()[0].shape[1]
        size = min(len(first), tokenizer.vocab_size)
        units = {tokenizer.token(index): index for index in range(len(SPECIAL_TOKENS), size)}
        found = read_vectors(path, units)
        if found.width != width:
            raise ConfigError(f"{setting}={width}, but the vectors of {path} have the width {found.width}; "
                              f"set {setting}={found.width}")
        if not found.vectors:
            raise ConfigError(f"{path}: none of its {found.words:,} words is a token of the tokenizer; is it of words "
                              "(tokenizer=word), and do tokenizer.nfkc and tokenizer.lowercase suit the file?")
        rows = torch.stack([torch.from_numpy(vector) for vector in found.vectors.values()])
        first.mul_(rows.std(correction=0) / self.deviation)
        first[torch.tensor([units[word] for word in found.vectors])] = rows.to(first)
        for other in self.tables()[1:]:
            other.copy_(first)
        return {"units": len(units), "found": len(found.vectors), "coverage": len(found.vectors) / len(units),
                "words": found.words, "duplicates": found.duplicates}


class VectorModel(PreTrainedModel):
    """Base class of encoders with a `VectorTable`."""

    base_model_prefix = "encoder"
    main_input_name = "input_ids"
    reads_special = False
    table: VectorTable

    @property
    def dtype(self) -> torch.dtype:
        """Data type of the table; an encoder with a frozen table may have no parameters to take it from."""
        return self.table.tables()[0].dtype

    def _init_weights(self, module: nn.Module) -> None:
        if isinstance(module, VectorTable):
            module.draw()

    def start_from(self, config: ModelConfig, tokenizer: Tokenizer) -> Mapping[str, Any]:
        """Load the word vectors of a new model, if it has any; return statistics to report."""
        settings: EmbeddingModelConfig = config.own
        setting = f"model.{config.architecture}.width"
        return {"vectors": self.table.fill(Path(settings.vectors), tokenizer, setting)} if settings.vectors else {}

    def parameter_group(self, name: str) -> str:
        """Return the layer group of a parameter: ``embeddings``, ``layer.0``, ..."""
        part, number, *_ = name.split(".")
        return "embeddings" if part == "table" else f"layer.{number}"


class EmbeddingModel(VectorModel):
    """Token vectors without further layers."""

    config_class = EmbeddingConfig

    def __init__(self, config: EmbeddingConfig) -> None:
        super().__init__(config)
        self.table = VectorTable(config.vocab_size, config.hidden_size, config.pad_token_id, Vectors(config.mode),
                                 config.initial)
        self.post_init()

    def forward(self, input_ids: Tensor, attention_mask: Tensor | None = None, **_: Any) -> BaseModelOutput:
        """Return the vectors as one layer of states, (batch, length, width), zero at padding."""
        states = masked(self.table(input_ids), attention_mask)
        return BaseModelOutput(last_hidden_state=states, hidden_states=(states,))


def masked(states: Tensor, mask: Tensor | None) -> Tensor:
    """Return states (batch, length, width) set to zero where `mask` (batch, length) is zero."""
    return states if mask is None else states * mask.unsqueeze(-1).to(states.dtype)


def configuration(config: ModelConfig, vocab_size: int, pad_id: int) -> EmbeddingConfig:
    """Return the configuration of an `EmbeddingModel`."""
    size = config.embedding
    return EmbeddingConfig(vocab_size, size.width, size.mode.value, pad_id, size.initial.value)


AutoConfig.register(EmbeddingConfig.model_type, EmbeddingConfig)
AutoModel.register(EmbeddingConfig, EmbeddingModel)
