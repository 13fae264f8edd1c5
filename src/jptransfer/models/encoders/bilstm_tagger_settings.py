"""Settings and registry row of architecture `bilstm_tagger`."""

from __future__ import annotations

from dataclasses import dataclass

from jptransfer.config.fields import setting
from jptransfer.models.encoders.embedding_settings import EmbeddingModelConfig
from jptransfer.registry import MODELS


@MODELS.register("bilstm_tagger", target="jptransfer.models.encoders.bilstm_tagger:configuration",
                 head="token", tokenizers=("views",), groups=("char", "word"), version=2)
@dataclass
class BilstmTaggerModelConfig(EmbeddingModelConfig):
    """BiLSTM tagger of words and their characters (Johnson et al. 2019).

    `width`, `vectors` and `mode` apply to words.
    """

    width: int = setting(50, low=1)
    """width of a word's vector"""
    hidden: int = setting(300, low=1)
    """width of the states of one direction over words"""
    char_width: int = setting(50, low=1)
    """width of a character's vector"""
    char_hidden: int = setting(100, low=1)
    """width of the states of one direction over characters"""
    dropout: float = setting(0.5, low=0.0, high=1.0)
    """dropout of the inputs of the net over words"""
