"""Encoders with a head for a task, fresh or loaded; every one maps a batch of token ids to `.logits`.

Wherever the encoder's own ``...ForSequenceClassification`` or ``...ForTokenClassification`` of transformers computes
what is asked for, that class is used, and what is saved loads in plain transformers. Other heads are those of the
registry `heads`; a `HeadedEncoder` holds one, and is saved as a plain encoder with its head beside it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

import torch
from safetensors.torch import load_file, save_file
from torch import nn
from transformers import (
    AutoConfig,
    AutoModel,
    AutoModelForSequenceClassification,
    AutoModelForTokenClassification,
    PreTrainedConfig,
    PreTrainedModel,
)
from transformers.modeling_outputs import SequenceClassifierOutput

from jptransfer.config import HeadConfig, Pooling
from jptransfer.models.encoder import Encoded, encode, first_positions, top_layer_at
from jptransfer.models.pretrained import explained, know_family, load_weights, on_cpu, quiet
from jptransfer.registry import HEADS

HEAD_FILE = "head.safetensors"
_DROPOUT_FIELDS = ("classifier_dropout", "seq_classif_dropout", "cls_dropout", "classifier_dropout_prob")


class Head(Protocol):
    """A module that makes logits of an encoder's states; its class is called with settings, encoder and outputs.

    Attributes:
        reads_first: whether it reads no state of the top layer but the first token's.
    """

    reads_first: bool

    def __init__(self, config: HeadConfig, encoder: PreTrainedConfig, outputs: int) -> None: ...

    def __call__(self, encoded: Encoded) -> torch.Tensor:
        """Return logits (batch, outputs)."""


class PooledHead(nn.Module):
    """Dropout and one linear layer on a text's vector: the top layer's states, pooled."""

    def __init__(self, config: HeadConfig, encoder: PreTrainedConfig, outputs: int) -> None:
        super().__init__()
        self.pooling = config.pooling
        self.reads_first = config.pooling is Pooling.first
        self.dropout = nn.Dropout(config.dropout)
        settings: Any = encoder
        self.classifier = nn.Linear(settings.hidden_size * (3 if config.pooling is Pooling.concat else 1), outputs)
        nn.init.normal_(self.classifier.weight, std=getattr(settings, "initializer_range", 0.02))
        nn.init.zeros_(self.classifier.bias)

    def forward(self, encoded: Encoded) -> torch.Tensor:
        """Return logits (batch, outputs)."""
        return self.classifier(self.dropout(pool(encoded, self.pooling)))


def pool(encoded: Encoded, pooling: Pooling) -> torch.Tensor:
    """Return one vector a text from the top layer's states, padding left out: (batch, width), concat three widths."""
    states, mask = encoded.last, encoded.mask
    if pooling is Pooling.first:
        return states[:, 0]
    if pooling is Pooling.last:
        return states[torch.arange(len(states), device=states.device), mask.sum(1) - 1]
    if pooling is Pooling.mean:
        weights = mask.unsqueeze(-1).to(states.dtype)
        return (states * weights).sum(1) / weights.sum(1)
    if pooling is Pooling.max:
        return states.masked_fill(~mask.unsqueeze(-1), -torch.inf).amax(1)
    return torch.cat([pool(encoded, part) for part in (Pooling.last, Pooling.max, Pooling.mean)], dim=-1)


class HeadedEncoder(nn.Module):
    """An encoder and a head of the registry `heads` on it."""

    def __init__(self, encoder: PreTrainedModel, head: nn.Module) -> None:
        super().__init__()
        self.encoder, self.head = encoder, head

    @property
    def base_model(self) -> PreTrainedModel:
        """The encoder, under the name it has in transformers' own models."""
        return self.encoder

    @property
    def config(self) -> PreTrainedConfig:
        """The encoder's configuration."""
        return self.encoder.config

    def forward(self, **inputs: torch.Tensor) -> SequenceClassifierOutput:
        """Return logits (batch, labels) for ids and mask (batch, length)."""
        return SequenceClassifierOutput(logits=self.head(encode(self.encoder, inputs)))

    def save_pretrained(self, folder: Path) -> None:
        """Write the encoder as a plain model of transformers and the head beside it."""
        self.encoder.save_pretrained(folder)
        head = {name: value.contiguous() for name, value in self.head.state_dict().items()}
        save_file(head, folder / HEAD_FILE)


def fresh_head(
    source: Path | PreTrainedConfig, kind: str, labels: Sequence[str], head: HeadConfig, seed: int
) -> nn.Module:
    """Return an encoder with a new head for `labels`.

    Args:
        source: folder of a pre-trained model, whose encoder is loaded, or a configuration, whose encoder is fresh.
        kind: classification or ner.
        labels: names of the outputs, in order (for ner the tags).
        head: which head; a tagger has that of its class in transformers, one linear layer on every state.
        seed: of everything that is not loaded: the head, a pooler that the folder lacks, a fresh encoder.

    Raises:
        DataError: the folder holds no encoder that transformers can load from safetensors.
    """
    config = source if isinstance(source, PreTrainedConfig) else _settings(source)
    config.id2label = dict(enumerate(labels))
    config.label2id = {label: index for index, label in enumerate(labels)}
    for name in _DROPOUT_FIELDS:
        if hasattr(config, name):
            setattr(config, name, head.dropout)
    with _seeded(seed):
        if is_plain(kind, head.name):
            return _start(_plain_class(kind), source, config)
        encoder = _without_pooler(_start(AutoModel, source, config))
        return HeadedEncoder(encoder, HEADS.load(head.name)(head, config, len(labels)))


def load_task_model(folder: Path, kind: str, head: HeadConfig) -> nn.Module:
    """Load what `fresh_head` made and ``save_pretrained`` wrote."""
    if is_plain(kind, head.name):
        return load_weights(_plain_class(kind), folder)
    encoder = _without_pooler(load_weights(AutoModel, folder))
    settings: Any = encoder.config
    model = HeadedEncoder(encoder, HEADS.load(head.name)(head, settings, settings.num_labels))
    model.head.load_state_dict(load_file(folder / HEAD_FILE))
    return model


def is_plain(kind: str, head: str) -> bool:
    """Whether a task model is one of transformers' own classes, which plain transformers loads."""
    return kind == "ner" or not head


def save_task_model(model: nn.Module, folder: Path) -> None:
    """Write what `load_task_model` loads."""
    quiet()
    on_cpu(model).save_pretrained(folder)  # type: ignore[operator]


def task_logits(model: nn.Module, inputs: Mapping[str, torch.Tensor]) -> torch.Tensor:
    """Return logits, float32: (batch, labels) of a classifier, (batch, length, tags) of a tagger.

    Where the head reads the first token's state alone, the encoder's top layer computes no other.
    """
    if not _reads_first(model):
        return model(**inputs).logits.float()
    with top_layer_at(model, first_positions(inputs["input_ids"])):
        return model(**inputs).logits.float()


def _reads_first(model: nn.Module) -> bool:
    if isinstance(model, HeadedEncoder):
        return bool(model.head.reads_first)
    return type(model).__name__.endswith("ForSequenceClassification")


def _plain_class(kind: str) -> Any:
    return AutoModelForTokenClassification if kind == "ner" else AutoModelForSequenceClassification


def _start(factory: Any, source: Path | PreTrainedConfig, config: PreTrainedConfig) -> PreTrainedModel:
    if isinstance(source, PreTrainedConfig):
        return factory.from_config(config)
    return load_weights(factory, source, config=config)


def _settings(folder: Path) -> PreTrainedConfig:
    quiet()
    know_family(folder)
    with explained(AutoConfig, folder):
        return AutoConfig.from_pretrained(folder, trust_remote_code=False)


def _without_pooler(encoder: Any) -> PreTrainedModel:
    """Drop a pooler that nothing reads, so that every parameter there is learns."""
    if getattr(encoder, "pooler", None) is not None:
        encoder.pooler = None
    return encoder


@contextmanager
def _seeded(seed: int) -> Iterator[None]:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        yield
