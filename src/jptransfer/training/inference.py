"""Scores of an encoder with a head, batched by length: the same code serves evaluation in training and prediction."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch import nn

from jptransfer.config import Keep
from jptransfer.models.task_models import task_output
from jptransfer.runtime import Runtime
from jptransfer.tasks.base import Feature, Level, Task
from jptransfer.text.types import Tokenizer
from jptransfer.training.batching import sorted_batches
from jptransfer.training.task_data import collate
from jptransfer.training.types import move

CPU_PADDING = 64
"""Positions of padding that cost a CPU as much as a batch more does (measured with 4 layers of 256)."""


def score(
    model: nn.Module,
    features: Sequence[Feature],
    level: Level,
    pad: int,
    batch_size: int,
    done: Callable[[int], None] = lambda count: None,
) -> list[np.ndarray]:
    """Return the logits of each feature, float32: (outputs,) at sequence level, (tokens, outputs) at token level.

    At most `batch_size` features of similar length go through the model together, the longest first (so that memory is
    asked for once); `done` is told how many after each batch. `model` is used as it is: evaluation mode and gradients
    are the caller's.
    """
    scores: list[np.ndarray] = [np.empty(0)] * len(features)
    device = next(model.parameters()).device
    most = CPU_PADDING if device.type == "cpu" else None
    for part in sorted_batches([len(feature.input_ids) for feature in features], batch_size, most):
        batch = move(collate([features[index] for index in part], pad), device)
        batch.pop("labels")
        logits = task_output(model, batch).logits.cpu().numpy()
        for index, row in zip(part, logits, strict=True):
            scores[index] = row[:len(features[index].input_ids)] if level is Level.token else row
        done(len(part))
    return scores


class EncoderPredictor:
    """An encoder with a head and its tokenizer (see `Predictor`)."""

    def __init__(self, task: Task, model: nn.Module, tokenizer: Tokenizer, max_length: int, device: torch.device,
                 runtime: Runtime, keep: Keep = Keep.first) -> None:
        self.task, self.tokenizer, self.max_length, self.keep, self.runtime = task, tokenizer, max_length, keep, runtime
        self.model = model.to(device).eval()

    def predict(self, examples: Sequence[Any], batch_size: int = 64) -> list[Any]:
        """Return the task's prediction for each example (see `Predictor`)."""
        features = self.task.features(examples, self.tokenizer, self.max_length, self.keep)
        with torch.inference_mode(), self.runtime.progress.bar("predict", len(features)) as bar:
            scores = score(self.model, features, self.task.level, self.tokenizer.pad_id, batch_size, bar.advance)
        return self.task.decode(features, scores, examples)
