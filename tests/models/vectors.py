"""Small encoders over unit vectors, and batches for them."""

from __future__ import annotations

from fnmatch import fnmatchcase

import torch
from torch import nn

from jptransfer.config import HeadConfig, ModelConfig
from jptransfer.models.encoders.embedding_settings import EmbeddingModelConfig
from jptransfer.models.encoders.glyph_settings import GlyphModelConfig
from jptransfer.models.encoders.onehot_settings import OnehotModelConfig
from jptransfer.models.encoders.recurrent_settings import LstmModelConfig, RnnModelConfig
from jptransfer.models.encoders.super_characters_settings import SuperCharactersModelConfig
from jptransfer.models.task_models import fresh_head
from jptransfer.registry import MODELS
from jptransfer.tasks.base import load_kind
from jptransfer.transfer.groups import layer_groups

VOCAB, WIDTH, HIDDEN = 30, 6, 5
HEADS = {"embedding": ("kim_cnn", "pooled", "self_attention", "bcn", "temporal_cnn"),
         "onehot": ("temporal_cnn", "kim_cnn"),
         "glyph": ("temporal_cnn", "pooled"), "super_characters": ("pooled", "temporal_cnn"),
         "rnn": ("pooled", "rcnn"),
         "lstm": ("pooled", "self_attention", "rcnn", "kim_cnn", "bcn")}
DRAWN = ("glyph", "super_characters")
"""Encoders that look at pictures of the units; here each unit's is random."""
PAIRS = [(architecture, head) for architecture, heads in HEADS.items() for head in heads]


def model_config(architecture: str, both: bool = True, layers: int = 2, **settings) -> ModelConfig:
    if architecture == "embedding":
        return ModelConfig("embedding", embedding=EmbeddingModelConfig(WIDTH, **settings))
    if architecture == "onehot":
        return ModelConfig("onehot", onehot=OnehotModelConfig(**settings))
    if architecture == "glyph":
        return ModelConfig("glyph", glyph=GlyphModelConfig(size=9, filters=[4, 6], hidden=8, width=WIDTH, **settings))
    if architecture == "super_characters":
        size = SuperCharactersModelConfig(size=8, grid=5, stem=4, widths=[4, 6], depths=[1, 1], **settings)
        return ModelConfig("super_characters", super_characters=size)
    size = {"rnn": RnnModelConfig, "lstm": LstmModelConfig}[architecture](
        WIDTH, hidden=HIDDEN, layers=layers, bidirectional=both, **settings)
    return ModelConfig(architecture, **{architecture: size})


def task_model(architecture: str, head: HeadConfig | str = "", kind: str = "classification", **settings) -> nn.Module:
    configuration = MODELS.load(architecture)(model_config(architecture, **settings), VOCAB, 0)
    head = HeadConfig(head) if isinstance(head, str) else head
    model = fresh_head(configuration, load_kind(kind).output, ["a", "b", "c"], head, 0)
    if architecture in DRAWN:
        images = model.encoder.table.images
        shapes = torch.rand(images.shape, generator=torch.Generator().manual_seed(0)) < 0.3
        images[5:] = shapes[5:].to(images) * 255
    return model


def check_groups(architecture: str, model: nn.Module) -> None:
    """Demand that the registry's layer groups of an architecture are those of a model with a head."""
    known, groups = MODELS.entries[architecture].groups, [name for name in layer_groups(model) if name != "head"]
    assert all(any(fnmatchcase(group, name) for name in known) for group in groups)
    assert all(any(fnmatchcase(group, name) for group in groups) for name in known)


def batch(lengths: list[int], longest: int = 0, seed: int = 0) -> dict[str, torch.Tensor]:
    """Random ids of texts with these lengths, padded to the longest of them or to `longest`."""
    generator = torch.Generator().manual_seed(seed)
    width = max(*lengths, longest) if len(lengths) > 1 else max(lengths[0], longest)
    mask = (torch.arange(width) < torch.tensor(lengths)[:, None]).long()
    return {"input_ids": torch.randint(1, VOCAB, mask.shape, generator=generator) * mask, "attention_mask": mask}


def alone(inputs: dict[str, torch.Tensor], row: int) -> dict[str, torch.Tensor]:
    """One text of a batch without its padding."""
    length = int(inputs["attention_mask"][row].sum())
    return {name: tensor[row:row + 1, :length] for name, tensor in inputs.items()}
