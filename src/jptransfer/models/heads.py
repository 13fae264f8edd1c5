"""Encoders with a head for a task, fresh or loaded; every one maps a batch of token ids to `.logits`.

Wherever the encoder's own ``...ForSequenceClassification`` or ``...ForTokenClassification`` of transformers computes
what is asked for, that class is used, and what is saved loads in plain transformers. The poolings `first` and `mean`
have no such class; `PooledClassifier` computes them, and is saved as a plain encoder with its head beside it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

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

from jptransfer.config import Pooling
from jptransfer.models.encoder import first_positions, top_layer_at
from jptransfer.models.pretrained import explained, load_weights, on_cpu, quiet

HEAD_FILE = "head.safetensors"
_DROPOUT_FIELDS = ("classifier_dropout", "seq_classif_dropout", "cls_dropout", "classifier_dropout_prob")


class PooledClassifier(nn.Module):
    """An encoder whose text vector is the first token's state or the mean of all states, and one linear layer on it."""

    def __init__(self, encoder: PreTrainedModel, pooling: Pooling, dropout: float) -> None:
        super().__init__()
        self.encoder, self.pooling = encoder, pooling
        self.dropout = nn.Dropout(dropout)
        settings: Any = encoder.config
        self.classifier = nn.Linear(settings.hidden_size, settings.num_labels)
        nn.init.normal_(self.classifier.weight, std=getattr(settings, "initializer_range", 0.02))
        nn.init.zeros_(self.classifier.bias)

    @property
    def base_model(self) -> PreTrainedModel:
        """The encoder, under the name it has in transformers' own models."""
        return self.encoder

    @property
    def config(self) -> PreTrainedConfig:
        """The encoder's configuration."""
        return self.encoder.config

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> SequenceClassifierOutput:
        """Return logits (batch, labels) for ids and mask (batch, length)."""
        states = self.encoder(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
        return SequenceClassifierOutput(logits=self.classifier(self.dropout(self._pool(states, attention_mask))))

    def _pool(self, states: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        if self.pooling is Pooling.first:
            return states[:, 0]
        weights = mask.unsqueeze(-1).to(states.dtype)
        return (states * weights).sum(1) / weights.sum(1)

    def save_pretrained(self, folder: Path) -> None:
        """Write the encoder as a plain model of transformers and the head beside it."""
        self.encoder.save_pretrained(folder)
        head = {name: value.contiguous() for name, value in self.classifier.state_dict().items()}
        save_file(head, folder / HEAD_FILE)


def fresh_head(
    source: Path | PreTrainedConfig, kind: str, labels: Sequence[str], pooling: Pooling, dropout: float, seed: int
) -> nn.Module:
    """Return an encoder with a new head for `labels`.

    Args:
        source: folder of a pre-trained model, whose encoder is loaded, or a configuration, whose encoder is fresh.
        kind: classification or ner.
        labels: names of the outputs, in order (for ner the tags).
        pooling: what a text's vector is (classification).
        dropout: before the head's linear layer.
        seed: of everything that is not loaded: the head, a pooler that the folder lacks, a fresh encoder.

    Raises:
        DataError: the folder holds no encoder that transformers can load from safetensors.
    """
    config = source if isinstance(source, PreTrainedConfig) else _settings(source)
    config.id2label = dict(enumerate(labels))
    config.label2id = {label: index for index, label in enumerate(labels)}
    for name in _DROPOUT_FIELDS:
        if hasattr(config, name):
            setattr(config, name, dropout)
    plain = kind == "ner" or pooling is Pooling.cls
    with _seeded(seed):
        model = _start(_plain_class(kind) if plain else AutoModel, source, config)
        return model if plain else PooledClassifier(model, pooling, dropout)


def load_task_model(folder: Path, kind: str, pooling: Pooling) -> nn.Module:
    """Load what `fresh_head` made and ``save_pretrained`` wrote."""
    if kind == "ner" or pooling is Pooling.cls:
        return load_weights(_plain_class(kind), folder)
    encoder = _without_pooler(load_weights(AutoModel, folder))
    model = PooledClassifier(encoder, pooling, dropout=0.0)
    model.classifier.load_state_dict(load_file(folder / HEAD_FILE))
    return model


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
    if isinstance(model, PooledClassifier):
        return model.pooling is Pooling.first
    return type(model).__name__.endswith("ForSequenceClassification")


def _plain_class(kind: str) -> Any:
    return AutoModelForTokenClassification if kind == "ner" else AutoModelForSequenceClassification


def _start(factory: Any, source: Path | PreTrainedConfig, config: PreTrainedConfig) -> PreTrainedModel:
    if isinstance(source, PreTrainedConfig):
        model = factory.from_config(config)
    else:
        model = load_weights(factory, source, config=config)
    return _without_pooler(model) if factory is AutoModel else model


def _settings(folder: Path) -> PreTrainedConfig:
    quiet()
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
