"""The value that one unit of an encoder has after each character of a text."""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch

from jptransfer.errors import ConfigError
from jptransfer.inference.positions import token_places, token_spans
from jptransfer.learners.features import pooled_head
from jptransfer.learners.prediction import Predictor
from jptransfer.learners.scores import EncoderPredictor
from jptransfer.learners.task_data import collate
from jptransfer.models.heads.pooled import PooledHead
from jptransfer.models.layers.scalar_mix import MixedHead
from jptransfer.models.task_models import HeadedEncoder
from jptransfer.training.types import to_device


@dataclass(frozen=True)
class UnitValues:
    """One text (or two) with its prediction; `values`: of each text, one value a character, NaN where there is none."""

    prediction: Any
    values: list[list[float]]

    @property
    def texts(self) -> list[str]:
        """The text and, if there is one, the second text."""
        return [self.prediction.text, *filter(None, [self.prediction.text_pair])]


class UnitReader:
    """Reads one unit of the states of an encoder with a linear head.

    Attributes:
        unit: number of the unit.
        sign: -1 if its values are turned, so that positive ones speak for the second of two labels.
        labels: what low and high values speak for; empty: a task without two labels.
        centre: the (turned) value from which on the second label is predicted, for a model of one unit; else 0.
    """

    def __init__(self, predictor: Predictor, unit: int | None) -> None:
        """Take a task model, and a unit (None: the one with the largest weight).

        Raises:
            ConfigError: the model has no linear head on pooled states, or not so many units.
        """
        model = getattr(predictor, "model", None)
        head = getattr(model, "head", None)
        if not isinstance(model, HeadedEncoder) or not isinstance(getattr(head, "head", head), PooledHead):
            raise ConfigError("this model has no linear layer on states of its encoder; train one with "
                              "finetuning.learner=linear_probe")
        assert isinstance(predictor, EncoderPredictor)
        self.predictor, self.model = predictor, model
        if model.windows:  # a head that reads the last state alone reads the same of all states
            model.windows = replace(model.windows, seen=sys.maxsize)
        weight = pooled_head(model).classifier.weight.detach().float().cpu().numpy()
        bias = pooled_head(model).classifier.bias.detach().float().cpu().numpy()
        known = np.flatnonzero(np.isfinite(bias))
        weight, has_two = weight[known], len(known) == 2 and len(predictor.task.labels) > 1
        direction = weight[1] - weight[0] if has_two else weight[0]
        width = int(model.config.hidden_size)
        strongest = np.abs(direction if has_two else weight).reshape(-1, width).max(0)
        if unit is not None and unit >= width:
            raise ConfigError(f"unit={unit}: the encoder has {width:,} units, from 0 on")
        self.unit = int(strongest.argmax()) if unit is None else unit
        pulls = direction.reshape(-1, width)[:, self.unit]
        self.sign = -1.0 if has_two and pulls[np.abs(pulls).argmax()] < 0 else 1.0
        is_alone = has_two and np.count_nonzero(direction) == np.count_nonzero(pulls) == 1
        threshold = (bias[known[0]] - bias[known[1]]) / pulls[np.abs(pulls).argmax()] if is_alone else 0.0
        self.centre = self.sign * float(threshold)
        self.labels = [predictor.task.labels[place] for place in known] if has_two else []

    @property
    def title(self) -> str:
        """What is shown, in a few words."""
        return f"Unit {self.unit:,}{', sign turned' if self.sign < 0 else ''}"

    def read(self, example: Any) -> UnitValues:
        """Return the unit's values in the text of an example."""
        predictor, model = self.predictor, self.model
        features = predictor.features([example])
        batch = to_device(collate(features, predictor.task.output.level, predictor.tokenizer.pad_id,
                                  least=predictor.padding.least), predictor.device)
        batch.pop("labels")
        with torch.inference_mode():
            encoded = model.read(**batch)
            states = model.head.mix(encoded.states) if isinstance(model.head, MixedHead) else encoded.last
            scores = model.head(encoded).logits.float().cpu().numpy()
        found = states[0, :, self.unit].float().cpu().numpy() * self.sign
        (prediction,) = predictor.task.decode(features, scores, [example])
        spans = token_spans(predictor, prediction)
        places = token_places(encoded, 0, batch["input_ids"].shape[1], len(spans))
        values = [[float("nan")] * len(text) for text in (prediction.text, prediction.text_pair or "")]
        for state, place in enumerate(places):
            if place < len(spans) and (span := spans[place]):
                second, (start, end) = span
                values[second][start:end] = [float(found[state])] * (end - start)
        return UnitValues(prediction, values if prediction.text_pair else values[:1])
