"""Frozen features: texts as pooled states of an encoder, one vector each, and their files."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.lib.format import open_memmap
from safetensors.numpy import load_file, save_file
from torch import nn
from transformers import PreTrainedConfig

from jptransfer.config import HeadConfig, ModelConfig
from jptransfer.config.features import FeaturesConfig, Pairs, Pooling, States
from jptransfer.config.plain import from_plain, to_plain
from jptransfer.errors import ConfigError, DataError
from jptransfer.files import json_text, new_file
from jptransfer.learners.scores import EncoderPredictor, score
from jptransfer.models.encoder import longest_input
from jptransfer.models.heads.pooled import PooledHead
from jptransfer.models.layers.scalar_mix import MixedHead
from jptransfer.models.pairing import check_pair
from jptransfer.models.pretrained import fresh_configuration
from jptransfer.models.task_models import HeadedEncoder, fresh_head, read_configuration, usual_pooling
from jptransfer.models.windows import WindowReader, Windows
from jptransfer.runtime import Runtime
from jptransfer.tasks.base import Task, whole_texts
from jptransfer.text.cuts import Cut
from jptransfer.text.tokenizers import load_tokenizer
from jptransfer.training.context import TrainingContext

DESCRIPTION = "features.json"
"""File that says how features were made."""
WEIGHTS = "probe.safetensors"
"""File of a linear model that compares pairs."""
CHUNK, BATCH = 1024, 64
"""Texts between two points that an interrupted run goes on from, and most texts that are read together."""


@dataclass(frozen=True)
class FeatureEncoder:
    """An encoder whose pooled states are the features of a text.

    Attributes:
        predictor: encodes and reads texts; its model has a head `pooled` without its linear layer.
        width: numbers per text or pair.
        config: settings in which nothing is left open.
    """

    predictor: EncoderPredictor
    width: int
    config: FeaturesConfig

    @classmethod
    def make(cls, config: FeaturesConfig, task: Task, tokenizer_folder: Path, language_model: Path | None,
             model: ModelConfig | None, seed: int, runtime: Runtime) -> FeatureEncoder:
        """Load an encoder, or make a fresh one of architecture `model`.

        Raises:
            ConfigError: settings that do not fit the encoder.
        """
        tokenizer = load_tokenizer(tokenizer_folder)
        if language_model is None and model is None:
            raise ConfigError("features: there is neither a language model nor an architecture")
        source = language_model or fresh_configuration(model, tokenizer)  # type: ignore[arg-type]
        config = _complete(config, source if isinstance(source, PreTrainedConfig) else read_configuration(source))
        net = fresh_head(source, task.output, task.outputs, head_of(config), seed, lambda one: _set_states(config, one))
        check_pair(net, tokenizer)
        positions = longest_input(net.base_model)  # type: ignore[arg-type]
        if positions and (config.max_length or 0) > positions:
            raise ConfigError(f"features.max_length={config.max_length}, but the model has {positions} positions")
        config = replace(config, max_length=config.max_length or positions)
        assert isinstance(net, HeadedEncoder)
        net.windows = windows_of(config, net.encoder)
        pooled = pooled_head(net)
        width, pooled.classifier = pooled.classifier.in_features, nn.Identity()  # type: ignore[assignment]
        predictor = EncoderPredictor(task, net, tokenizer, config.limit,
                                     TrainingContext(runtime).device, runtime, config.truncation_side)
        return cls(predictor, int(width) * (2 if config.pairs is Pairs.compare else 1), config)

    def read(self, examples: Sequence[Any]) -> np.ndarray:
        """Return the features (examples, width), float32, of the examples' texts.

        Raises:
            DataError: pairs are compared, and an example has one text only.
        """
        if self.config.pairs is Pairs.joint:
            return self._rows(examples)
        task = self.predictor.task
        for one in examples:
            if one.text_pair is None:
                raise DataError(f"features.pairs=compare: example '{one.id}' has no second text")
        first, second = (self._rows([task.example(one.id, text) for one, text in zip(examples, texts, strict=True)])
                         for texts in zip(*((one.text, one.text_pair) for one in examples), strict=True))
        return np.concatenate([np.abs(first - second), first * second], axis=1)

    def _rows(self, examples: Sequence[Any]) -> np.ndarray:
        features = self.predictor.features(examples)
        with torch.inference_mode():
            rows = score(self.predictor.model, features, self.predictor.task.output.level,
                         self.predictor.tokenizer.pad_id, BATCH, padding=self.predictor.padding).rows
        return np.stack(rows)

    def with_weights(self, weight: np.ndarray, bias: np.ndarray) -> EncoderPredictor | ComparingPredictor:
        """Return the task model whose scores are ``features @ weight + bias``: (width, outputs) and (outputs,)."""
        if self.config.pairs is Pairs.compare:
            return ComparingPredictor(self, weight, bias)
        linear = nn.Linear(*weight.shape)
        with torch.no_grad():
            linear.weight.copy_(torch.from_numpy(weight.T))
            linear.bias.copy_(torch.from_numpy(bias))
        pooled_head(self.predictor.model).classifier = linear.to(self.predictor.device)
        return self.predictor

    def describe(self) -> dict[str, Any]:
        """Return the settings as they are after all defaults."""
        return {name: value for name, value in to_plain(self.config).items() if value is not None}


class ComparingPredictor:
    """A linear model on features of both texts of a pair (see `Predictor`); `weight` and `bias` are float64."""

    def __init__(self, encoder: FeatureEncoder, weight: np.ndarray, bias: np.ndarray) -> None:
        self.encoder, self.weight, self.bias = encoder, weight, bias
        self.task, self.tokenizer = encoder.predictor.task, encoder.predictor.tokenizer

    @property
    def cut(self) -> Cut:
        """What length limits have left out of all texts so far."""
        return self.encoder.predictor.cut

    def predict(self, examples: Sequence[Any], batch_size: int = BATCH) -> list[Any]:
        """Return the task's prediction for each example (see `Predictor`)."""
        made: list[Any] = []
        for first in range(0, len(examples), CHUNK):
            part = examples[first:first + CHUNK]
            scores = self.encoder.read(part) @ self.weight + self.bias
            made += self.task.decode(whole_texts(len(part)), list(scores), part)
        return made

    def save(self, folder: Path) -> None:
        """Write the encoder as a model of transformers, and weight and bias to `WEIGHTS`."""
        model: Any = self.encoder.predictor.model
        model.encoder.save_pretrained(folder)
        save_file({"weight": self.weight, "bias": self.bias}, folder / WEIGHTS)

    @classmethod
    def load(cls, folder: Path, config: FeaturesConfig, task: Task, runtime: Runtime) -> ComparingPredictor:
        """Load what `save` wrote."""
        encoder = FeatureEncoder.make(config, task, folder, folder, None, 0, runtime)
        return cls(encoder, **load_file(folder / WEIGHTS))


def head_of(config: FeaturesConfig) -> HeadConfig:
    """Return the head that pools as complete settings say."""
    return HeadConfig("pooled", 0.0).with_section("pooled", pooling=config.pooling or Pooling.mean)


def windows_of(config: FeaturesConfig, encoder: nn.Module) -> Windows | None:
    """Return how an encoder that carries a state reads texts; None: another encoder, which reads them in one piece."""
    if not isinstance(encoder, WindowReader):
        return None
    is_last = config.pooling is Pooling.last
    return Windows(config.bptt, 1 if is_last else sys.maxsize, last_is_all=is_last)


def pooled_head(model: Any) -> PooledHead:
    """Return the head of a model that `FeatureEncoder` made, also within a mixture of layers."""
    head = model.head.head if isinstance(model.head, MixedHead) else model.head
    assert isinstance(head, PooledHead)
    return head


def _complete(config: FeaturesConfig, encoder: PreTrainedConfig) -> FeaturesConfig:
    has_cells = hasattr(encoder, "states")
    if config.states not in (None, States.hidden) and not has_cells:
        raise ConfigError(f"features.states={config.states.value}: {encoder.model_type} has no cells")  # type: ignore[union-attr]
    return replace(config, pooling=config.pooling or usual_pooling(encoder),
                   states=config.states or (States.tanh_cell if has_cells else None))


def _set_states(config: FeaturesConfig, encoder: Any) -> None:
    if hasattr(encoder, "states"):
        encoder.states = (config.states or States.hidden).value


def write_features(encoder: FeatureEncoder, examples: Sequence[Any], out: Path, split: str, work: Path,
                   runtime: Runtime) -> Cut:
    """Write ``<split>.npy`` (examples, width) and ``<split>.ids.json``; an interrupted run is taken up.

    Returns:
        What length limits left out, in this run and in those before it.
    """
    work.mkdir(parents=True, exist_ok=True)
    data, progress = work / f"{split}.npy", work / f"{split}.json"
    done, cut = 0, Cut()
    if progress.is_file():
        kept = json.loads(progress.read_text(encoding="utf-8"))
        done, cut = kept["done"], Cut(**kept["cut"])
    shape = (len(examples), encoder.width)
    rows = open_memmap(data, mode="r+" if done else "w+", dtype=np.float32, shape=None if done else shape)
    with runtime.progress.bar(f"features of {split}", len(examples)) as bar:
        bar.update(done)
        while done < len(examples):
            before = encoder.predictor.cut
            part = examples[done:done + CHUNK]
            rows[done:done + len(part)] = encoder.read(part)
            rows.flush()
            done, cut = done + len(part), cut + encoder.predictor.cut.since(before)
            with new_file(progress) as stream:
                stream.write(json_text({"done": done, "cut": cut.describe()}))
            bar.update(len(part))
    # in parts: a mask of all numbers at once would be a quarter of the file in memory
    if not all(np.isfinite(rows[first:first + CHUNK]).all() for first in range(0, len(rows), CHUNK)):
        raise DataError(f"features of split '{split}' are not finite numbers; are the encoder's weights damaged?")
    del rows
    (out / f"{split}.ids.json").write_text(json_text([example.id for example in examples]) + "\n", encoding="utf-8")
    data.replace(out / f"{split}.npy")
    return cut


def write_description(encoder: FeatureEncoder, out: Path, roles: dict[str, str]) -> None:
    """Write `DESCRIPTION`: complete settings, and the splits that have the roles fit, select and search."""
    whole = {"features": to_plain(encoder.config), "width": encoder.width, "roles": roles}
    (out / DESCRIPTION).write_text(json_text(whole, indent=1) + "\n", encoding="utf-8")


@dataclass(frozen=True)
class StoredFeatures:
    """The folder of a `features` artifact; `config`: complete settings; `roles`: role -> split."""

    folder: Path
    config: FeaturesConfig
    roles: dict[str, str]

    @classmethod
    def open(cls, folder: Path) -> StoredFeatures:
        """Open a folder that `write_features` and `write_description` filled."""
        found = json.loads((folder / DESCRIPTION).read_text(encoding="utf-8"))
        return cls(folder, from_plain(FeaturesConfig, found["features"]), found["roles"])

    def rows(self, role: str, examples: Sequence[Any]) -> np.ndarray:
        """Return the features (examples, width), float32, of examples of the split that has a role.

        Raises:
            DataError: an example is not among them.
        """
        split = self.roles[role]
        whole = np.load(self.folder / f"{split}.npy", mmap_mode="r")
        ids = json.loads((self.folder / f"{split}.ids.json").read_text(encoding="utf-8"))
        if ids == [example.id for example in examples]:
            return whole  # type: ignore[no-any-return]
        places = {name: index for index, name in enumerate(ids)}
        try:
            return np.ascontiguousarray(whole[[places[example.id] for example in examples]])
        except KeyError as error:
            raise DataError(f"{self.folder}: no features of example {error}; are they of other data?") from error
