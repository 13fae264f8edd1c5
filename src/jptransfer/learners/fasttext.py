"""fastText's classifier (Joulin et al. 2017, "Bag of Tricks for Efficient Text Classification").

A text is the mean of the vectors of its words, of n-grams of words and, if asked for, of character n-grams inside
words; a linear layer and a softmax give its label. Words are known by 64-bit hashes and n-grams share `buckets` hash
values, but only what training has seen has a row; the rest of a text is left out of its mean.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.numpy import load_file, save_file
from torch import Tensor

from jptransfer.config.plain import from_plain, to_plain
from jptransfer.errors import ConfigError, DataError
from jptransfer.learners.base import FitContext, FitResult
from jptransfer.learners.fasttext_settings import FasttextConfig
from jptransfer.learners.prediction import Predictor
from jptransfer.runtime import Runtime
from jptransfer.tasks.abilities import TargetsTexts
from jptransfer.tasks.base import Task, make_task, whole_texts
from jptransfer.tasks.texts import joined_texts
from jptransfer.text.hashing import Bags, Hasher
from jptransfer.training.randomness import generator

WEIGHTS = "weights.safetensors"


class FasttextModel:
    """Vectors of features and the output layer.

    Attributes:
        keys: (rows,) uint64, sorted: the features that have a vector, see `Bags`.
        vectors: (rows, dim) float32.
        output: (labels, dim) float32.
    """

    def __init__(self, keys: np.ndarray, vectors: Tensor, output: Tensor) -> None:
        self.keys, self.vectors, self.output = keys, vectors, output

    @classmethod
    def fresh(cls, keys: np.ndarray, dim: int, labels: int, seed: int) -> FasttextModel:
        """Return a model with vectors from U(-1/dim, 1/dim) and an output layer of zeros."""
        vectors = generator(seed).random((len(keys), dim), dtype=np.float32) * 2 / dim - 1 / dim
        return cls(keys, torch.from_numpy(vectors.astype(np.float32)), torch.zeros(labels, dim))

    def rows(self, bags: Bags) -> Bags:
        """Return the bags with numbers of rows in place of keys; features without a vector are gone."""
        if not len(self.keys):
            return bags.keep(np.zeros(len(bags.keys), bool))
        places = np.minimum(np.searchsorted(self.keys, bags.keys), len(self.keys) - 1)
        known = self.keys[places] == bags.keys
        return Bags(places.astype(np.int64), bags.lengths).keep(known)

    def means(self, ids: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Return the mean vector of each text (texts, dim) and the text that each id belongs to (ids,)."""
        owner = torch.repeat_interleave(torch.arange(len(lengths)), lengths)
        sums = torch.zeros(len(lengths), self.vectors.shape[1]).index_add_(0, owner, self.vectors[ids])
        return sums / lengths.clamp(min=1)[:, None], owner

    def update(self, ids: Tensor, lengths: Tensor, targets: Tensor, rate: float) -> float:
        """Make the summed update of some texts by the gradient of their cross-entropy; return its sum before."""
        means, owner = self.means(ids, lengths)
        scores = torch.log_softmax(means @ self.output.T, dim=1)
        places = torch.arange(len(targets))
        loss = -scores[places, targets].sum()
        errors = scores.exp()
        errors[places, targets] -= 1
        changes = errors @ self.output / lengths.clamp(min=1)[:, None]
        self.output -= rate * errors.T @ means
        self.vectors.index_add_(0, ids, changes[owner], alpha=-rate)
        return float(loss)

    def scores(self, bags: Bags) -> np.ndarray:
        """Return the logits of each text, (texts, labels)."""
        rows = self.rows(bags)
        means, _ = self.means(torch.from_numpy(rows.keys), torch.from_numpy(rows.lengths))
        return (means @ self.output.T).numpy()

    def save(self, folder: Path) -> None:
        """Write ``weights.safetensors``: keys, vectors, output."""
        save_file({"keys": self.keys, "vectors": self.vectors.numpy(), "output": self.output.numpy()},
                  folder / WEIGHTS)

    @classmethod
    def load(cls, folder: Path) -> FasttextModel:
        """Read what `save` wrote."""
        arrays = load_file(folder / WEIGHTS)
        return cls(arrays["keys"], torch.from_numpy(arrays["vectors"]), torch.from_numpy(arrays["output"]))


class FasttextPredictor:
    """A model and what cuts text into its features (see `Predictor`)."""

    def __init__(self, task: Task, model: FasttextModel, hasher: Hasher, ngrams: int) -> None:
        self.task, self.model, self.hasher, self.ngrams = task, model, hasher, ngrams

    def predict(self, examples: Sequence[Any], batch_size: int = 64) -> list[Any]:
        """Return the task's prediction for each example (see `Predictor`)."""
        made: list[Any] = []
        for first in range(0, len(examples), batch_size):
            part = examples[first:first + batch_size]
            logits = self.model.scores(self.hasher.bags(joined_texts(part), self.ngrams))
            made += self.task.decode(whole_texts(len(part)), list(logits), part)
        return made


class FasttextLearner:
    """fastText's classifier; n-grams and epochs are chosen on the validation split."""

    @classmethod
    def fit(cls, job: FitContext, runtime: Runtime) -> FitResult:
        """Train one model for each n and number of epochs, and keep the best (the first of equals).

        Raises:
            ConfigError: there is something to choose and no validation split;
                training diverged.
            DataError: the training texts hold no words.
        """
        config = job.config.fasttext
        candidates = [(ngrams, epochs) for ngrams in sorted(config.ngrams) for epochs in sorted(config.epochs)]
        if len(candidates) > 1 and not job.validation:
            raise ConfigError("finetuning.fasttext: give one value of ngrams and epochs each, there is no validation "
                              "split to choose on")
        hasher = Hasher(config)
        best: tuple[FasttextPredictor, Any, tuple[int, int]] | None = None
        history: list[dict[str, Any]] = []
        for ngrams, epochs in runtime.track(candidates, "fit", len(candidates)):
            predictor = FasttextPredictor(job.task, _train(job, hasher, ngrams, epochs), hasher, ngrams)
            scores = job.selection.score(predictor.predict(job.validation)) if job.validation else {}
            history.append({"step": len(history), "split": "validation", "ngrams": ngrams, "epochs": epochs, **scores})
            if best is None or job.selection.better(scores[job.selection.metric], best[1]):
                best = predictor, scores.get(job.selection.metric), (ngrams, epochs)
        assert best is not None
        predictor, _, (ngrams, epochs) = best
        predictor.model.save(job.out)
        return FitResult(predictor, {"fasttext": to_plain(config), "ngrams": ngrams}, history,
                       {"ngrams": ngrams, "epochs": epochs, "features": len(predictor.model.keys)})

    @classmethod
    def load(cls, folder: Path, settings: Mapping[str, Any], runtime: Runtime) -> Predictor:
        """Load what `fit` wrote."""
        config = from_plain(FasttextConfig, settings["fasttext"])
        task = make_task(settings["kind"], settings["labels"])
        return FasttextPredictor(task, FasttextModel.load(folder), Hasher(config), settings["ngrams"])


def _train(job: FitContext, hasher: Hasher, ngrams: int, epochs: int) -> FasttextModel:
    config = job.config.fasttext
    bags = hasher.bags(joined_texts(job.train), ngrams)
    model = FasttextModel.fresh(bags.frequent(config.min_count), config.dim, len(job.task.labels), job.seed)
    if not len(model.keys):
        raise DataError("learner fasttext finds no word in the training texts that occurs often enough")
    bags = model.rows(bags)
    assert isinstance(job.task, TargetsTexts)
    targets = job.task.targets(job.train)[:, 0]
    steps = -(-len(targets) // config.batch_size)
    for epoch in range(epochs):
        order = generator(job.seed, epoch).permutation(len(targets))
        for step in range(steps):
            chosen = order[step * config.batch_size:(step + 1) * config.batch_size]
            part = bags.take(chosen)
            rate = config.learning_rate * (1 - (epoch * steps + step) / (epochs * steps))
            loss = model.update(torch.from_numpy(part.keys), torch.from_numpy(part.lengths),
                                torch.from_numpy(targets[chosen]), rate)
            if not np.isfinite(loss):
                raise _diverged(f"loss {loss}", epoch)
        if not (torch.isfinite(model.vectors).all() and torch.isfinite(model.output).all()):
            raise _diverged("weights that are not finite", epoch)
    return model


def _diverged(what: str, epoch: int) -> ConfigError:
    return ConfigError(f"training diverged: {what} in epoch {epoch + 1}; "
                       "try a smaller finetuning.fasttext.learning_rate or batch_size")
