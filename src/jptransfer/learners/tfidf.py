"""Linear baselines: counts or TF-IDF of n-grams and a linear model (scikit-learn), stored without pickle."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import load_file, save_file
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression, Ridge

from jptransfer.config import Analyzer, ClassWeights
from jptransfer.config.plain import from_plain, to_plain
from jptransfer.errors import ConfigError, DataError
from jptransfer.files import json_text
from jptransfer.learners.base import FitContext, FitResult
from jptransfer.learners.prediction import Predictor
from jptransfer.learners.tfidf_settings import TfidfConfig
from jptransfer.runtime import Runtime
from jptransfer.tasks.abilities import TargetsTexts
from jptransfer.tasks.base import Task, make_task, whole_texts
from jptransfer.tasks.texts import joined_texts
from jptransfer.text.segment import MecabSegmenter

Linear = tuple[np.ndarray, np.ndarray]
"""Weight (features, outputs) and bias (outputs,)."""
VOCABULARY, WEIGHTS = "vocabulary.json", "weights.safetensors"
MAX_ITERATIONS = 2000


class TfidfPredictor:
    """Vectoriser and weights: logits are ``vector(text) @ weight + bias``, as scikit-learn has them."""

    def __init__(self, task: Task, vectorizer: TfidfVectorizer, weight: np.ndarray, bias: np.ndarray) -> None:
        self.task, self.vectorizer, self.weight, self.bias = task, vectorizer, weight, bias

    def predict(self, examples: Sequence[Any], batch_size: int = 64) -> list[Any]:
        """Return the task's prediction for each example (see `Predictor`)."""
        made: list[Any] = []
        for first in range(0, len(examples), batch_size):
            part = examples[first:first + batch_size]
            logits = self.vectorizer.transform(joined_texts(part)) @ self.weight + self.bias
            made += self.task.decode(whole_texts(len(part)), list(logits), part)
        return made

    def save(self, folder: Path) -> None:
        """Write ``vocabulary.json`` (n-gram -> column) and ``weights.safetensors`` (idf, weight, bias; float64).

        A bag of counts has no idf.
        """
        columns = sorted(self.vectorizer.vocabulary_.items(), key=lambda item: item[1])
        vocabulary = {ngram: int(column) for ngram, column in columns}
        (folder / VOCABULARY).write_text(json_text(vocabulary), encoding="utf-8")
        idf = {"idf": self.vectorizer.idf_} if self.vectorizer.use_idf else {}
        save_file({**idf, "weight": self.weight, "bias": self.bias}, folder / WEIGHTS)


class TfidfLearner:
    """Logistic or ridge regression over features of n-grams, by the task's loss; C is chosen on the validation split.
    """

    @classmethod
    def fit(cls, job: FitContext, runtime: Runtime) -> FitResult:
        """Fit one model for each C and keep the best (the smallest C of equals).

        Raises:
            ConfigError: there are several C and no validation split.
            DataError: the training examples have one label only, or no n-gram is left.
        """
        config, task = job.config.tfidf, job.task
        _check(job)
        vectorizer = _vectorizer(config)
        try:
            matrix = vectorizer.fit_transform(joined_texts(job.train))
        except ValueError as error:
            raise DataError(f"learner tfidf finds no n-gram in the training texts: {error}") from error
        assert isinstance(task, TargetsTexts)
        targets, regression = task.targets(job.train)[:, 0], REGRESSIONS[task.output.loss]
        best: tuple[TfidfPredictor, Any, float] | None = None
        history: list[dict[str, Any]] = []
        for c in runtime.track(sorted(config.c), "fit", len(config.c)):
            candidate = TfidfPredictor(task, vectorizer, *regression(matrix, targets, len(task.outputs), c, config))
            scores = job.selection.score(candidate.predict(job.validation)) if job.validation else {}
            history.append({"step": len(history), "split": "validation", "c": c, **scores})
            if best is None or job.selection.better(scores[job.selection.metric], best[1]):
                best = candidate, scores.get(job.selection.metric), c
        assert best is not None
        predictor, _, c = best
        predictor.save(job.out)
        return FitResult(predictor, {"tfidf": to_plain(config)}, history,
                       {"c": c, "features": len(vectorizer.vocabulary_)})

    @classmethod
    def load(cls, folder: Path, settings: Mapping[str, Any], runtime: Runtime) -> Predictor:
        """Load what `fit` wrote."""
        vocabulary = json.loads((folder / VOCABULARY).read_text(encoding="utf-8"))
        arrays = load_file(folder / WEIGHTS)
        vectorizer = _vectorizer(from_plain(TfidfConfig, settings["tfidf"]), vocabulary)
        vectorizer.fit([""])  # without idf there is nothing to learn, but scikit-learn wants to be asked
        if vectorizer.use_idf:
            vectorizer.idf_ = arrays["idf"]
        task = make_task(settings["kind"], settings["labels"])
        return TfidfPredictor(task, vectorizer, arrays["weight"], arrays["bias"])


def _check(job: FitContext) -> None:
    if len(job.config.tfidf.c) != 1 and not job.validation:
        raise ConfigError("finetuning.tfidf.c: give one value, there is no validation split to choose on")


def _vectorizer(config: TfidfConfig, vocabulary: Mapping[str, int] | None = None) -> TfidfVectorizer:
    """Return scikit-learn's vectoriser; text is lowercased, an n-gram of words has spaces between them."""
    words: dict[str, Any] = {"analyzer": "char"}
    if config.analyzer is Analyzer.word:
        segmenter = MecabSegmenter(config.dictionary)
        words = {"analyzer": "word", "token_pattern": None, "tokenizer": lambda text: segmenter.spaced(text).split()}
    return TfidfVectorizer(**words, ngram_range=(config.ngram_min, config.ngram_max), min_df=config.min_df,
                           max_features=config.max_features, use_idf=config.idf, sublinear_tf=config.sublinear,
                           vocabulary=vocabulary)


def _logistic(matrix: Any, targets: np.ndarray, labels: int, c: float, config: TfidfConfig) -> Linear:
    """Return weight (features, labels) and bias (labels,); a label without examples has probability zero.

    Two classes share one column in scikit-learn; it becomes the second class's, beside a column of zeros.
    """
    weights = None if config.class_weights is ClassWeights.none else "balanced"
    model = LogisticRegression(C=c, max_iter=MAX_ITERATIONS, class_weight=weights).fit(matrix, targets)
    coefficients, intercepts = model.coef_, model.intercept_
    if not (np.isfinite(coefficients).all() and np.isfinite(intercepts).all()):
        raise ConfigError(f"training diverged: weights that are not finite with finetuning.tfidf.c={c:g}; "
                          "try a smaller one")
    if len(model.classes_) == 2:
        coefficients = np.concatenate([np.zeros_like(coefficients), coefficients])
        intercepts = np.concatenate([np.zeros_like(intercepts), intercepts])
    weight, bias = np.zeros((matrix.shape[1], labels)), np.full(labels, -np.inf)
    weight[:, model.classes_], bias[model.classes_] = coefficients.T, intercepts
    return weight, bias


def _ridge(matrix: Any, targets: np.ndarray, outputs: int, c: float, config: TfidfConfig) -> Linear:
    """Return weight (features, 1) and bias (1,) of least squares; C is the inverse of scikit-learn's alpha."""
    model = Ridge(alpha=1 / c, solver="sparse_cg", tol=1e-6).fit(matrix, targets.astype(np.float64))
    return model.coef_[:, None], np.array([model.intercept_])


REGRESSIONS = {"cross_entropy": _logistic, "mse": _ridge}
"""Loss of a kind of task -> what fits a linear model to it; the registry's row of the learner names them too."""
