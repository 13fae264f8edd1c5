"""One-hot encoder without trainable weights: one dimension per token (Zhang and LeCun 2017)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor
from transformers import AutoConfig, AutoModel, PreTrainedConfig, PreTrainedModel
from transformers.modeling_outputs import BaseModelOutput

from jptransfer.config import ModelConfig
from jptransfer.errors import ConfigError
from jptransfer.text.types import SPECIAL_TOKENS, Tokenizer


class OnehotConfig(PreTrainedConfig):
    """Size of a one-hot encoder: `hidden_size` is the vocabulary size without special tokens (256 for bytes)."""

    model_type = "jpt_onehot"

    def __init__(self, vocab_size: int = 261, pad_token_id: int = 0, **settings: Any) -> None:
        self.vocab_size = vocab_size
        self.follow_vocabulary()
        super().__init__(pad_token_id=pad_token_id, **settings)

    def follow_vocabulary(self) -> None:
        """Set the width of the states to the number of tokens without special tokens."""
        self.hidden_size = self.vocab_size - len(SPECIAL_TOKENS)


class OnehotModel(PreTrainedModel):
    """A one in the dimension of the token; special tokens, which have the first ids, and padding are zero.

    The dimensions are a buffer, because a model without weights could not be saved.
    """

    config_class = OnehotConfig
    base_model_prefix = "encoder"
    main_input_name = "input_ids"
    reads_special = False
    dimensions: Tensor

    def __init__(self, config: OnehotConfig) -> None:
        super().__init__(config)
        numbers = torch.arange(config.vocab_size) - len(SPECIAL_TOKENS)
        self.register_buffer("dimensions", numbers.clamp(min=-1))
        self.post_init()

    @property
    def dtype(self) -> torch.dtype:
        """Data type of the states; the model has no parameters to take it from."""
        return torch.float32

    def forward(self, input_ids: Tensor, attention_mask: Tensor | None = None, **_: Any) -> BaseModelOutput:
        """Return one layer of states, (batch, length, hidden_size)."""
        shown = self.dimensions[input_ids]
        if attention_mask is not None:
            shown = shown.masked_fill(attention_mask == 0, -1)
        states = (shown.unsqueeze(-1) == self.dimensions[len(SPECIAL_TOKENS):]).to(self.dtype)
        return BaseModelOutput(last_hidden_state=states, hidden_states=(states,))

    def start_from(self, config: ModelConfig, tokenizer: Tokenizer) -> Mapping[str, Any]:
        """Check that the tokenizer's special tokens come first; nothing is initialised."""
        special = {tokenizer.pad_id, tokenizer.unk_id, tokenizer.cls_id, tokenizer.sep_id, tokenizer.mask_id}
        if special != set(range(len(SPECIAL_TOKENS))):
            raise ConfigError("model.architecture=onehot takes the tokenizers trained here, for example tokenizer=byte")
        return {}

    def parameter_group(self, name: str) -> str:
        """Raise `KeyError`: the model has no parameters and no layer groups."""
        raise KeyError(name)


def configuration(config: ModelConfig, vocab_size: int, pad_id: int) -> OnehotConfig:
    """Return the configuration of a `OnehotModel`.

    Raises:
        ConfigError: the vocabulary is larger than the settings allow.
    """
    most = config.onehot.most_units
    if vocab_size > most:
        raise ConfigError(f"model.onehot.most_units={most}, but the tokenizer has {vocab_size:,} units; "
                          "take tokenizer=byte, or model=embednet_char, whose states are narrower")
    return OnehotConfig(vocab_size, pad_id)


AutoConfig.register(OnehotConfig.model_type, OnehotConfig)
AutoModel.register(OnehotConfig, OnehotModel)
