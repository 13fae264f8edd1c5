"""Whether padding changes what a model says of a text, and how long an input has to be.

Most encoders mask padding completely. Some do not: CANINE's convolution reads it, FNet mixes all positions, XLNet's
classifier reads the last position. A text's scores must not depend on the other texts in its batch, so texts of
different lengths are not put into one batch for such a model. The model itself is asked, because a list of families
would always lack the next one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from jptransfer.errors import ConfigError, raising_as
from jptransfer.learners.task_data import collate
from jptransfer.models.encoder import encoder_of, longest_input
from jptransfer.models.pretrained import local_architecture
from jptransfer.models.task_models import task_output
from jptransfer.tasks.base import Feature, Level, Limits, Task
from jptransfer.text.types import Tokenizer

TOLERANCE = 2e-5
"""Largest difference that counts as rounding, relative to the largest score."""
_TEXT = "今日は良い天気です。The quick brown fox jumps, 東京と京都、12345。" * 3
TEXTS = tuple(_TEXT[:length] for length in (1, 5, 9, 22, 40, 75, 100))
"""Texts of many lengths: a model that pools several times (Funnel) shows only at long ones that it reads padding."""
WIDTHS = (1, 2, 4, 8, 16, 32, 64)
MOST = 4096
"""Positions to which an input is padded at most."""
_BY_LENGTH = frozenset({"big_bird", "bigbird_pegasus", "canine", "reformer"})
"""Families where the few texts used here might not show it: they attend in another way once an input is long, or
padding changes little."""


@dataclass(frozen=True)
class Padding:
    """How inputs of a model are padded.

    Attributes:
        mixed: whether inputs of different lengths may share a batch.
        least: positions that the model needs; shorter inputs are padded to them, alone or not.
        multiple: in training the number of positions is a multiple of this (Reformer's chunks).
    """

    mixed: bool = True
    least: int = 1
    multiple: int = 1


def find_padding(model: nn.Module, task: Task, tokenizer: Tokenizer, max_length: int,
                 training: bool = False) -> Padding:
    """Return how inputs have to be padded for a model with a head, judged by its scores of a few texts.

    The model is left as it is. Random numbers are not used up. Architectures of this project mask padding.

    Args:
        training: whether the model is going to be trained: `Padding.multiple` is found, too.

    Raises:
        ConfigError: the model cannot read texts as it is configured.
    """
    config: Any = encoder_of(model).config
    if local_architecture(config.model_type):
        return Padding()
    features = [_feature(task, tokenizer, text, max_length) for text in ("", *TEXTS)]
    mode, device = model.training, next(model.parameters()).device
    model.eval()
    # No inference mode: tensors that a model keeps for later (rotary positions) would be useless in training.
    with (raising_as(f"{type(model).__name__} cannot read texts as it is configured", ConfigError), torch.no_grad(),
          torch.random.fork_rng(devices=[device] if device.type == "cuda" else [])):
        least = _least(model, features[0], task, tokenizer.pad_id)
        alone = [_scores(model, [feature], task, tokenizer.pad_id, least)[0] for feature in features]
        together = _scores(model, features, task, tokenizer.pad_id, least)
        multiple = _multiple(model, features, task, tokenizer.pad_id, least) if training else 1
    model.train(mode)
    mixed = config.model_type not in _BY_LENGTH and all(map(_equal, alone, together))
    return Padding(mixed, least, multiple)


def _feature(task: Task, tokenizer: Tokenizer, text: str, max_length: int) -> Feature:
    return task.encode([task.example("", text)], tokenizer, Limits(max_length))[0]


def _least(model: nn.Module, feature: Feature, task: Task, pad: int) -> int:
    """Return the smallest of `WIDTHS` at which the model reads the shortest input."""
    for width in WIDTHS[:-1]:
        try:
            _run(model, [feature], task, pad, width)
        except (RuntimeError, IndexError, ValueError):  # CANINE: the kernel is wider than the input
            continue
        return width
    _run(model, [feature], task, pad, WIDTHS[-1])
    return WIDTHS[-1]


def _multiple(model: nn.Module, features: Sequence[Feature], task: Task, pad: int, least: int) -> int:
    """Return the smallest of `WIDTHS`, or else the longest input, to multiples of which the model trains on inputs."""
    model.train()
    for multiple in WIDTHS:
        try:
            for feature in features:
                _run(model, [feature], task, pad, least, multiple)
        except (RuntimeError, IndexError, ValueError):
            continue
        return multiple
    longest = min(longest_input(model) or WIDTHS[-1], MOST)
    for feature in features:
        _run(model, [feature], task, pad, least, longest)
    return longest


def _run(model: nn.Module, features: Sequence[Feature], task: Task, pad: int, least: int, multiple: int = 1) -> Tensor:
    batch = collate(features, task.output.level, pad, multiple, least)
    batch.pop("labels")
    device = next(model.parameters()).device
    return task_output(model, {name: tensor.to(device) for name, tensor in batch.items()}).logits


def _scores(model: nn.Module, features: Sequence[Feature], task: Task, pad: int, least: int) -> list[Tensor]:
    logits = _run(model, features, task, pad, least)
    if task.output.level is Level.sequence:
        return list(logits)
    return [row[feature.positions] for row, feature in zip(logits, features, strict=True)]


def _equal(one: Tensor, other: Tensor) -> bool:
    if not one.numel():
        return True
    return bool((one - other).abs().max() <= TOLERANCE * one.abs().max())  # not a number: not equal
