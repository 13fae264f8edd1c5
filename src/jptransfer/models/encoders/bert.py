"""BERT of any size, from scratch (Devlin et al. 2019; sizes of the miniatures: Turc et al. 2019)."""

from __future__ import annotations

from transformers import BertConfig

from jptransfer.config import ModelConfig


def configuration(config: ModelConfig, vocab_size: int, pad_id: int) -> BertConfig:
    """Return the configuration of transformers from which `AutoModel…` classes build a BERT.

    Raises:
        ConfigError: the width can't be divided among the heads.
    """
    size = config.bert
    return BertConfig(
        vocab_size=vocab_size,
        pad_token_id=pad_id,
        num_hidden_layers=size.layers,
        hidden_size=size.hidden,
        num_attention_heads=size.heads,
        intermediate_size=size.intermediate,
        max_position_embeddings=size.max_positions,
        hidden_dropout_prob=size.dropout,
        attention_probs_dropout_prob=size.attention_dropout,
        initializer_range=size.initializer_range,
        attn_implementation="sdpa",  # type: ignore[call-arg] # goes to the base class's keywords
    )

