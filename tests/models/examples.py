"""A small example of every registered encoder and head: a new one adds its row here, and every contract test runs."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from transformers import AutoModel, PreTrainedConfig

from jptransfer.config import HeadConfig, ModelConfig
from jptransfer.models.encoders.awd_lstm_settings import AwdLstmModelConfig
from jptransfer.models.encoders.bert_settings import BertModelConfig
from jptransfer.models.encoders.byte_lstm_settings import ByteLstmModelConfig, MultiplicativeLstmModelConfig
from jptransfer.models.heads.bcn_settings import BcnHeadConfig
from jptransfer.models.heads.concat_pooling_settings import ConcatPoolingHeadConfig
from jptransfer.models.heads.kim_cnn_settings import KimCnnHeadConfig
from jptransfer.models.heads.pooled_settings import PooledHeadConfig, Pooling
from jptransfer.models.heads.rcnn_settings import RcnnHeadConfig
from jptransfer.models.heads.self_attention_settings import SelfAttentionHeadConfig
from jptransfer.models.heads.temporal_cnn_settings import TemporalCnnHeadConfig
from jptransfer.models.pretrained import fresh_configuration
from jptransfer.registry import MODELS
from tests.models import spelt, tagger, vectors

LENGTHS = [9, 5, 7]
VIEWS = tagger.words_tokenizer()


def vectors_example(name: str) -> PreTrainedConfig:
    return MODELS.load(name)(vectors.model_config(name), vectors.VOCAB, 0)


def configured(config: ModelConfig) -> PreTrainedConfig:
    return MODELS.load(config.architecture)(config, vectors.VOCAB, 0)


ENCODERS: dict[str, Callable[[], PreTrainedConfig]] = {
    **{name: lambda name=name: vectors_example(name) for name in vectors.HEADS},
    "bert": lambda: configured(ModelConfig("bert", bert=BertModelConfig(
        layers=2, hidden=8, heads=2, intermediate=16, max_positions=32))),
    "awd_lstm": lambda: configured(ModelConfig("awd_lstm", awd_lstm=AwdLstmModelConfig(
        layers=2, embedding=6, hidden=8))),
    "byte_lstm": lambda: configured(ModelConfig("byte_lstm", byte_lstm=ByteLstmModelConfig(8, 6))),
    "multiplicative_lstm": lambda: configured(ModelConfig(
        "multiplicative_lstm", multiplicative_lstm=MultiplicativeLstmModelConfig(8, 6))),
    "elmo": lambda: fresh_configuration(spelt.model_config(), spelt.TOKENIZER),
    "bilstm_tagger": lambda: fresh_configuration(ModelConfig("bilstm_tagger", bilstm_tagger=tagger.SIZE), VIEWS),
}
"""Encoder -> configuration."""

HEADS: dict[str, HeadConfig] = {
    "pooled": HeadConfig("pooled", pooled=PooledHeadConfig(Pooling.mean)),  # the first state knows no state before it
    "token": HeadConfig("token"),
    "crf": HeadConfig("crf"),
    "kim_cnn": HeadConfig("kim_cnn", kim_cnn=KimCnnHeadConfig(widths=[2, 3], filters=4)),
    "temporal_cnn": HeadConfig("temporal_cnn", temporal_cnn=TemporalCnnHeadConfig(
        length=32, pools=[2, 2], width=4, kernel=3, hidden=8)),
    "self_attention": HeadConfig("self_attention", self_attention=SelfAttentionHeadConfig(
        hidden=4, hops=2, dense=6)),
    "rcnn": HeadConfig("rcnn", rcnn=RcnnHeadConfig(hidden=4)),
    "bcn": HeadConfig("bcn", bcn=BcnHeadConfig(hidden=4)),
    "concat_pooling": HeadConfig("concat_pooling", concat_pooling=ConcatPoolingHeadConfig(width=6)),
}
"""Head -> settings."""


def batch(encoder: str) -> dict[str, Tensor]:
    """Return a padded batch of three texts for an encoder."""
    if encoder == "elmo":
        return spelt.batch(*(spelt.text(length, seed=length) for length in LENGTHS))
    if encoder == "bilstm_tagger":
        return tagger.inputs(VIEWS, tagger.TEXTS[:3])
    return vectors.batch(LENGTHS)


def encoder_model(name: str) -> nn.Module:
    """Return a fresh encoder that computes the same at every call."""
    torch.manual_seed(0)
    model = AutoModel.from_config(ENCODERS[name]()).eval()
    if name in vectors.DRAWN:  # the glyphs of a vocabulary come from its tokenizer; here they are random
        images = model.table.images
        images[5:] = (torch.rand(images.shape, generator=torch.Generator().manual_seed(0)) < 0.3)[5:].to(images) * 255
    return model


def padded(inputs: dict[str, Tensor], more: int) -> dict[str, Tensor]:
    """Return a batch with more padding."""
    return {name: nn.functional.pad(tensor, (0, more)) for name, tensor in inputs.items()}
