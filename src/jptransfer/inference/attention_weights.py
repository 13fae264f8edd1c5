"""What a task model's head attends to: weights over the pieces of each text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from jptransfer.errors import ConfigError
from jptransfer.inference.positions import token_places, token_spans
from jptransfer.learners.prediction import Predictor
from jptransfer.learners.scores import EncoderPredictor
from jptransfer.learners.task_data import collate
from jptransfer.models.task_models import HeadedEncoder
from jptransfer.registry import HEADS
from jptransfer.training.types import to_device


@dataclass(frozen=True)
class Attended:
    """One text with its prediction.

    Attributes:
        prediction: the task's.
        pieces: half-open character spans in the text or the second text, those that the length limit leaves.
        second: of each piece whether it is of the second text.
        weights: (hops, pieces) float32; what is missing of a hop's sum of 1 lies on the special tokens.
    """

    prediction: Any
    pieces: list[tuple[int, int]]
    second: list[bool]
    weights: np.ndarray

    @property
    def overall(self) -> np.ndarray:
        """Mean over hops (pieces,), as Lin et al. (2017, section 4.1.2) sum them for their heat maps."""
        return self.weights.mean(0)


def attended(predictor: Predictor, examples: Sequence[Any], batch_size: int = 64) -> Iterator[Attended]:
    """Yield what the model's head attends to in each example.

    Raises:
        ConfigError: the model is none whose head weighs the states of its encoder.
    """
    model = _with_attention(predictor)
    assert isinstance(predictor, EncoderPredictor)
    head: Any = model.head
    device = next(model.parameters()).device
    batch_size = batch_size if predictor.padding.mixed else 1
    for start in range(0, len(examples), batch_size):
        part = examples[start:start + batch_size]
        features = predictor.features(part)
        level, least = predictor.task.output.level, predictor.padding.least
        batch = to_device(collate(features, level, predictor.tokenizer.pad_id, least=least), device)
        batch.pop("labels")
        with torch.inference_mode():
            encoded = model.read(**batch)
            weights = head.attention(encoded).float().cpu().numpy()
            scores = head(encoded).logits.float().cpu().numpy()
        predictions = predictor.task.decode(features, scores, part)
        for row, prediction in enumerate(predictions):
            spans = token_spans(predictor, prediction)
            places = token_places(encoded, row, batch["input_ids"].shape[1], len(spans))
            shown = {state: span for state, place in enumerate(places) if (span := spans[place])}
            yield Attended(prediction, [span for _, span in shown.values()], [second for second, _ in shown.values()],
                           weights[row][:, list(shown)])


def _with_attention(predictor: Predictor) -> HeadedEncoder:
    model = getattr(predictor, "model", None)
    if isinstance(model, HeadedEncoder) and hasattr(model.head, "attention"):
        return model
    able = ", ".join(name for name in HEADS if hasattr(HEADS.load(name), "attention"))
    raise ConfigError(f"this model has no head with attention weights; those that have: {able} "
                      "(finetuning.encoder.head.name)")
