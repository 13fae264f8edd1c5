"""Linear models on frozen features: what an encoder knows of a task without training (Radford et al. 2017, section 3).
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import KFold, StratifiedKFold
from sklearn.utils.class_weight import compute_sample_weight

from jptransfer.config import ClassWeights
from jptransfer.config.features import FeaturesConfig, Pairs
from jptransfer.config.plain import from_plain, to_plain
from jptransfer.errors import ConfigError
from jptransfer.learners.base import FitContext, FitResult
from jptransfer.learners.features import ComparingPredictor, FeatureEncoder, StoredFeatures, head_of, windows_of
from jptransfer.learners.l1_path import l1_path
from jptransfer.learners.linear_probe_settings import LinearProbeConfig, Penalty, Units
from jptransfer.learners.prediction import Predictor
from jptransfer.learners.scores import EncoderPredictor
from jptransfer.learners.units import best_thresholds
from jptransfer.models.pairing import check_pair
from jptransfer.models.task_models import load_task_model, save_task_model
from jptransfer.runtime import Runtime
from jptransfer.tasks.abilities import TargetsTexts
from jptransfer.tasks.base import Task, load_kind, make_task, whole_texts
from jptransfer.text.tokenizers import load_tokenizer
from jptransfer.training.context import TrainingContext

ITERATIONS = 2000
SETTINGS = "features"
"""Setting of a task model: how its features are made."""


@dataclass(frozen=True)
class Linear:
    """A linear model: ``features @ weight + bias`` are the scores; (width, outputs) and (outputs,), float64."""

    c: float
    weight: np.ndarray
    bias: np.ndarray

    @property
    def nonzero(self) -> int:
        """Number of weights that are not zero."""
        return int(np.count_nonzero(self.weight))


Fit = Callable[[np.ndarray, np.ndarray, int, LinearProbeConfig], Iterator[Linear]]


class LinearProbeLearner:
    """Logistic regression (one class against the rest where there are more than two) or ridge regression."""

    @classmethod
    def fit(cls, job: FitContext, runtime: Runtime) -> FitResult:
        """Fit a model for each C, keep the best (the smallest C of equals), and write it as an encoder with a head.

        Raises:
            ConfigError: there are several C and no validation split to choose on.
        """
        config, task, stored = job.config.linear_probe, job.task, StoredFeatures.open(_features(job))
        assert isinstance(task, TargetsTexts)
        rows, targets = stored.rows("fit", job.train), task.targets(job.train)[:, 0]
        fit = FITS[task.output.loss]
        history: list[dict[str, Any]] = []
        if config.units is Units.one:
            best = _one_unit(rows, targets, task, runtime)
        elif config.folds:
            best, history = _by_folds(fit, rows, targets, job, runtime)
        else:
            best, history = _by_validation(fit, rows, targets, stored, job, runtime)
        assert job.tokenizer is not None
        encoder = FeatureEncoder.make(stored.config, task, job.tokenizer, job.language_model, job.model, job.seed,
                                      runtime)
        predictor = encoder.with_weights(best.weight, best.bias)
        if isinstance(predictor, ComparingPredictor):
            predictor.save(job.out)
        else:
            save_task_model(predictor.model, job.out)
        predictor.tokenizer.save(job.out)  # type: ignore[attr-defined]
        return FitResult(predictor, {SETTINGS: to_plain(encoder.config)}, history,
                         {"c": best.c, "features": rows.shape[1], "nonzero": best.nonzero, **_the_unit(config, best),
                        **encoder.describe()})

    @classmethod
    def load(cls, folder: Path, settings: Mapping[str, Any], runtime: Runtime) -> Predictor:
        """Load what `fit` wrote."""
        config = from_plain(FeaturesConfig, settings[SETTINGS])
        task, tokenizer = make_task(settings["kind"], settings["labels"]), load_tokenizer(folder)
        if config.pairs is Pairs.compare:
            return ComparingPredictor.load(folder, config, task, runtime)
        model: Any = load_task_model(folder, load_kind(settings["kind"]).output, head_of(config))
        model.windows = windows_of(config, model.encoder)
        check_pair(model, tokenizer)
        return EncoderPredictor(task, model, tokenizer, config.limit, TrainingContext(runtime).device, runtime,
                                config.truncation_side)


def _the_unit(config: LinearProbeConfig, made: Linear) -> dict[str, int]:
    return {"unit": int(np.abs(made.weight).max(1).argmax())} if config.units is Units.one else {}


def _features(job: FitContext) -> Path:
    if job.features is None:
        raise ConfigError("learner linear_probe needs features")
    return job.features


def _one_unit(rows: np.ndarray, targets: np.ndarray, task: Task, runtime: Runtime) -> Linear:
    """Return the model of the single unit that decides best; its probabilities are those of a logistic regression.

    Raises:
        ConfigError: the training examples are not of two classes.
    """
    classes = np.unique(targets)
    if len(classes) != 2:
        raise ConfigError("finetuning.linear_probe.units=one tells two classes apart, and this task has "
                          f"{len(classes)}; task.label_map={{label:''}} drops one")
    with runtime.progress.bar("search", 1) as bar:
        found = best_thresholds(rows, targets == classes[1])
        bar.update(1)
    unit = int(found.accuracy.argmax())
    distances = (rows[:, unit].astype(np.float64) - found.threshold[unit]) * found.polarity[unit]
    slope = LogisticRegression(fit_intercept=False).fit(distances[:, None] / distances.std(),
                                                        targets == classes[1]).coef_[0, 0]
    slope = max(float(slope), 1e-3) / distances.std()
    weight, bias = np.zeros((rows.shape[1], len(task.outputs))), np.full(len(task.outputs), -np.inf)
    weight[unit, classes[1]] = slope * found.polarity[unit]
    bias[classes] = 0.0, -weight[unit, classes[1]] * found.threshold[unit]
    return Linear(0.0, weight, bias)


def _by_validation(fit: Fit, rows: np.ndarray, targets: np.ndarray, stored: StoredFeatures, job: FitContext,
                   runtime: Runtime) -> tuple[Linear, list[dict[str, Any]]]:
    """Return the model that is best on the validation split, and the scores of all."""
    config, task = job.config.linear_probe, job.task
    if len(config.c) > 1 and not job.validation:
        raise ConfigError("finetuning.linear_probe.c: give one value, or folds: the data set has no validation split")
    unseen = stored.rows("select", job.validation) if job.validation else rows[:0]
    best: tuple[Linear, Any] | None = None
    history: list[dict[str, Any]] = []
    for made in runtime.track(fit(rows, targets, len(task.outputs), config), "fit", len(config.c)):
        scores = job.selection.score(_predicted(made, unseen, task, job.validation)) if job.validation else {}
        history.append(_record(history, made, scores))
        if best is None or job.selection.better(scores[job.selection.metric], best[1]):
            best = made, scores.get(job.selection.metric)
    assert best is not None
    return best[0], history


def _by_folds(fit: Fit, rows: np.ndarray, targets: np.ndarray, job: FitContext,
              runtime: Runtime) -> tuple[Linear, list[dict[str, Any]]]:
    """Return a model of all training examples with the C that is best in cross-validation, and the mean scores."""
    config, task = job.config.linear_probe, job.task
    is_class = np.issubdtype(targets.dtype, np.integer)
    fewest = np.bincount(targets).max() if is_class else len(targets)
    if fewest < config.folds:
        raise ConfigError(f"finetuning.linear_probe.folds={config.folds}: there are too few training examples for it")
    parts = (StratifiedKFold if is_class else KFold)(config.folds, shuffle=True, random_state=job.seed)
    sums: dict[float, dict[str, float]] = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # a class with fewer examples than folds
        divided = list(parts.split(rows, targets))
    for kept, left_out in runtime.track(divided, "fit", config.folds):
        examples = [job.train[index] for index in left_out]
        for made in fit(rows[kept], targets[kept], len(task.outputs), config):
            total = sums.setdefault(made.c, {})
            for name, value in job.selection.score(_predicted(made, rows[left_out], task, examples)).items():
                total[name] = total.get(name, 0.0) + value / config.folds
    best: tuple[float, float] | None = None
    for c, scores in sums.items():
        if best is None or job.selection.better(scores[job.selection.metric], best[1]):
            best = c, scores[job.selection.metric]
    assert best is not None
    chosen = max(fit(rows, targets, len(task.outputs), _up_to(config, best[0])), key=lambda made: made.c)
    history = [{"step": step, "split": "folds", "c": c, **scores} for step, (c, scores) in enumerate(sums.items())]
    return chosen, history


def _up_to(config: LinearProbeConfig, c: float) -> LinearProbeConfig:
    """Return the settings with strengths up to `c`, so that its model starts from those that it started from before."""
    return replace(config, c=[one for one in config.c if one <= c])


def _record(history: Sequence[Any], made: Linear, scores: Mapping[str, float]) -> dict[str, Any]:
    return {"step": len(history), "split": "validation", "c": made.c, "nonzero": made.nonzero, **scores}


def _predicted(made: Linear, rows: np.ndarray, task: Task, examples: Sequence[Any]) -> list[Any]:
    return task.decode(whole_texts(len(examples)), list(rows @ made.weight + made.bias), examples)


def _logistic(rows: np.ndarray, targets: np.ndarray, outputs: int, config: LinearProbeConfig) -> Iterator[Linear]:
    """Yield a model for each C: a score for every class, zero for the first of two; classes without examples have -inf.

    The score of a class of more than two is that of the class against the rest.
    """
    classes = np.unique(targets)
    factors = compute_sample_weight(None if config.class_weights is ClassWeights.none else "balanced", targets)
    path = _l1 if config.penalty is Penalty.l1 else _l2
    fitted = classes[1:] if len(classes) == 2 else classes
    paths = [list(path(rows, targets == one, sorted(config.c), factors)) for one in fitted]
    for place, c in enumerate(sorted(config.c)):
        weight, bias = np.zeros((rows.shape[1], outputs)), np.full(outputs, -np.inf)
        bias[classes] = 0.0
        for one, found in zip(fitted, paths, strict=True):
            weight[:, one], bias[one] = found[place]
        yield Linear(c, weight, bias)


def _l1(rows: np.ndarray, positive: np.ndarray, cs: Sequence[float],
        factors: np.ndarray) -> Iterator[tuple[np.ndarray, float]]:
    for found in l1_path(rows, positive, cs, factors):
        yield found.weight, found.bias


def _l2(rows: np.ndarray, positive: np.ndarray, cs: Sequence[float],
        factors: np.ndarray) -> Iterator[tuple[np.ndarray, float]]:
    if positive.all():  # scikit-learn refuses a single class; its score is above the -inf of the others
        yield from ((np.zeros(rows.shape[1]), 0.0) for _ in cs)
        return
    model = LogisticRegression(max_iter=ITERATIONS, warm_start=True)
    for c in cs:
        model.set_params(C=c)
        with warnings.catch_warnings():
            warnings.simplefilter("error", ConvergenceWarning)
            try:
                model.fit(rows, positive, factors)
            except ConvergenceWarning:
                raise ConfigError(f"finetuning.linear_probe.c: no solution within {ITERATIONS} iterations at {c:g}; "
                                  "leave out the largest") from None
        yield model.coef_[0].astype(np.float64), float(model.intercept_[0])


def _ridge(rows: np.ndarray, targets: np.ndarray, outputs: int, config: LinearProbeConfig) -> Iterator[Linear]:
    """Yield a model of least squares for each C, the inverse of scikit-learn's alpha."""
    for c in sorted(config.c):
        model = Ridge(alpha=1 / c).fit(rows, targets.astype(np.float64))
        yield Linear(c, model.coef_.reshape(-1, 1).astype(np.float64), np.atleast_1d(model.intercept_))


FITS: dict[str, Fit] = {"cross_entropy": _logistic, "mse": _ridge}
"""Loss of a kind of task -> what fits linear models to it."""
