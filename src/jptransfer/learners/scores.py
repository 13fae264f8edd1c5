"""Scores of an encoder with a head, batched by length: the same code serves evaluation in training and prediction."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn

from jptransfer.config import TruncationSide
from jptransfer.learners.padding import Padding, find_padding
from jptransfer.learners.task_data import collate
from jptransfer.models.encoder import encoder_of
from jptransfer.models.encoders.recurrent import inference_cache
from jptransfer.models.heads.base import HeadOutput
from jptransfer.models.layers.batching import CPU_PADDING, sorted_batches
from jptransfer.models.task_models import task_output
from jptransfer.runtime import Runtime
from jptransfer.tasks.base import Feature, Level, Limits, Task
from jptransfer.text.cuts import Cut, take_words_cut
from jptransfer.text.types import Tokenizer
from jptransfer.training.types import to_device


@dataclass(frozen=True)
class Scores:
    """What a model says of features.

    Attributes:
        rows: of each feature, float32: (outputs,) at sequence level, (tokens, outputs) at token level; logits, or
            where a head decides over a whole text (`crf`) the log-probabilities of each unit's tags.
        paths: of each feature, (tokens,) the outputs that such a head decides for; None: there is no such head.
    """

    rows: list[np.ndarray]
    paths: list[np.ndarray] | None = None


def score(
    model: nn.Module,
    features: Sequence[Feature],
    level: Level,
    pad: int,
    batch_size: int,
    done: Callable[[int], None] = lambda count: None,
    padding: Padding = Padding(),  # noqa: B008 # frozen
) -> Scores:
    """Return what `model` says of each feature.

    At most `batch_size` features of similar length go through the model together, the longest first (so that memory is
    asked for once); `done` is told how many after each batch. `padding` says whether lengths may differ. `model` is
    used as it is: evaluation mode and gradients are the caller's.
    """
    rows, paths = ([np.empty(0)] * len(features) for _ in range(2))
    device = next(model.parameters()).device
    most = getattr(encoder_of(model), "cpu_padding", CPU_PADDING) if device.type == "cpu" else None
    most = most if padding.mixed else 0
    with inference_cache(model):
        for part in sorted_batches([len(feature.input_ids) for feature in features], batch_size, most):
            batch = to_device(collate([features[index] for index in part], level, pad, least=padding.least), device)
            batch.pop("labels")
            logits, best = _at_tokens(task_output(model, batch))
            for place, index in enumerate(part):
                length = len(features[index].input_ids)
                rows[index] = logits[place, :length] if level is Level.token else logits[place]
                if best is not None:
                    paths[index] = best[place, :length]
            done(len(part))
    return Scores(rows, paths if features and best is not None else None)


def _at_tokens(output: HeadOutput) -> tuple[np.ndarray, np.ndarray | None]:
    """Return scores (batch, [length,] outputs), and, of a chain, its best path at the units' places (batch, length)."""
    if output.chain is None or output.places is None:
        return output.logits.cpu().numpy(), None
    marginals, places = output.chain.log_marginals(), output.places.unsqueeze(-1)
    rows = torch.zeros_like(output.logits).scatter(1, places.expand_as(marginals), marginals)
    paths = torch.zeros_like(output.logits[..., 0], dtype=torch.int64).scatter(1, output.places, output.chain.best())
    return rows.cpu().numpy(), paths.cpu().numpy()


def count_cut(features: Sequence[Feature], texts: int, tokenizer: Tokenizer, max_length: int, model: nn.Module) -> Cut:
    """Count what of `texts` texts is not in their features, or not seen by a head that sees the end of each alone."""
    windows = getattr(model, "windows", None)
    windows = None if windows and windows.last_is_all else windows
    limit = windows.seen if windows else max_length
    lost: dict[int, int] = defaultdict(int)
    for feature in features:
        unseen = max(0, len(feature.input_ids) - limit) if windows else 0
        lost[feature.example] += feature.truncated + unseen
    kept = sum(len(feature.input_ids) - len(feature.special) + feature.truncated for feature in features)
    whole = len(features) == texts  # windows of a tagger overlap
    return Cut(texts, sum(map(bool, lost.values())), kept if whole else 0, sum(lost.values()),
               limit=limit) + take_words_cut(tokenizer)


def read_characters(tokenizer: Tokenizer, model: nn.Module) -> None:
    """Tell a tokenizer of words how many characters of each the model reads, two of ELMo's places being marks."""
    most = getattr(encoder_of(model).config, "max_characters", None)
    if most and hasattr(tokenizer, "read_characters"):
        tokenizer.read_characters = most - 2


class EncoderPredictor:
    """An encoder with a head and its tokenizer (see `Predictor`)."""

    def __init__(self, task: Task, model: nn.Module, tokenizer: Tokenizer, max_length: int, device: torch.device,
                 runtime: Runtime, truncation_side: TruncationSide = TruncationSide.right) -> None:
        self.task, self.tokenizer, self.runtime = task, tokenizer, runtime
        self.limits = Limits(max_length, truncation_side)
        self.padding = find_padding(model, task, tokenizer, max_length)
        self.cut = Cut()
        read_characters(tokenizer, model)
        take_words_cut(tokenizer)  # the texts above
        self.device, self.model = device, model.to(device).eval()

    def features(self, examples: Sequence[Any]) -> list[Feature]:
        """Encode examples, and count in `cut` what length limits leave out of them."""
        features = self.task.encode(examples, self.tokenizer, self.limits)
        self.cut += count_cut(features, len(examples), self.tokenizer, self.limits.max_length, self.model)
        return features

    def predict(self, examples: Sequence[Any], batch_size: int = 64) -> list[Any]:
        """Return the task's prediction for each example (see `Predictor`)."""
        features = self.features(examples)
        with torch.inference_mode(), self.runtime.progress.bar("predict", len(features)) as bar:
            scores = score(self.model, features, self.task.output.level, self.tokenizer.pad_id, batch_size, bar.update,
                           self.padding)
        return self.task.decode(features, scores.rows, examples, scores.paths)
