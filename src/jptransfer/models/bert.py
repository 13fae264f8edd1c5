"""BERT of any size, from scratch (Devlin et al. 2019; sizes of the miniatures: Turc et al. 2019)."""

from __future__ import annotations

from transformers import BertConfig, BertForMaskedLM, BertForPreTraining, PreTrainedModel

from jptransfer.config import ModelConfig
from jptransfer.errors import ConfigError


def configuration(config: ModelConfig, vocab_size: int, pad_id: int) -> BertConfig:
    """Return transformers' configuration of an architecture.

    Raises:
        ConfigError: the width can't be divided among the heads.
    """
    if config.hidden % config.heads:
        raise ConfigError(f"model.hidden={config.hidden} is no multiple of model.heads={config.heads}")
    return BertConfig(
        vocab_size=vocab_size,
        pad_token_id=pad_id,
        num_hidden_layers=config.layers,
        hidden_size=config.hidden,
        num_attention_heads=config.heads,
        intermediate_size=config.intermediate,
        max_position_embeddings=config.max_positions,
        hidden_dropout_prob=config.dropout,
        attention_probs_dropout_prob=config.attention_dropout,
        initializer_range=config.initializer_range,
        attn_implementation="sdpa",  # type: ignore[call-arg] # goes to the base class's keywords
    )


def build(config: ModelConfig, vocab_size: int, pad_id: int, next_sentence: bool = False) -> PreTrainedModel:
    """Return a fresh model with its language-model head, and the next-sentence head if asked for.

    Weights come from torch's current random state.
    """
    kind = BertForPreTraining if next_sentence else BertForMaskedLM
    return kind(configuration(config, vocab_size, pad_id))
