"""Scores of a task: each is a function of counts that add up over examples.

That form serves everything: the score itself (counts summed), its bootstrap interval (counts resampled) and paired
tests (counts swapped) are matrix products over the same small integers, never a second pass over texts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from jptransfer.errors import ConfigError, DataError, unknown
from jptransfer.evaluation import conlleval
from jptransfer.registry import METRICS
from jptransfer.tasks.base import Task

CLASSIFICATION, NER = "classification", "ner"
DEFAULTS = {
    CLASSIFICATION: ("accuracy", "error_rate", "macro_f1", "micro_f1"),
    NER: ("entity_f1", "entity_precision", "entity_recall", "macro_f1"),
}


@dataclass(frozen=True)
class Outcomes:
    """What was right and what was said, of the same examples in the same order.

    Attributes:
        kind: of task, a name of the registry `tasks`.
        labels: all labels, or entity types, in order.
        gold, predicted: a label (classification) or the spans in characters (ner) of each example.
        analyzer: character ranges of each example's scored units (ner), for scores of tags; entities do not need them.
    """

    kind: str
    labels: Sequence[str]
    gold: Sequence[Any]
    predicted: Sequence[Any]
    units: Sequence[Sequence[tuple[int, int]]] = ()

    @classmethod
    def of(cls, task: Task, predictions: Sequence[Any]) -> Outcomes:
        """Take the outcomes out of a task's predictions.

        Raises:
            DataError: an example has no gold.
        """
        for prediction in predictions:
            if prediction.gold is None:
                raise DataError(f"example '{prediction.id}' has no gold answer to score against")
        units = [prediction.tokens for prediction in predictions] if task.kind == NER else ()
        gold, predicted = [p.gold for p in predictions], [p.predicted for p in predictions]
        return cls(task.kind, task.labels, gold, predicted, units)

    def index(self, answers: Sequence[str]) -> np.ndarray:
        """Return positions in `labels`, (examples,) int64.

        Raises:
            DataError: an answer is none of the labels.
        """
        position = {label: i for i, label in enumerate(self.labels)}
        try:
            return np.fromiter((position[answer] for answer in answers), dtype=np.int64, count=len(answers))
        except KeyError as error:
            raise DataError(unknown("label", str(error.args[0]), self.labels)) from None


@dataclass(frozen=True)
class Metric:
    """A score of a whole set of examples.

    Attributes:
        name: its name in the registry.
        tasks: kinds of task it is defined for.
        higher_is_better: which way is up.
        bounds: least and greatest score that there can be.
        counts: outcomes -> (examples, columns) integers that add up over examples.
        value: (..., columns) sums -> (...) scores.
    """

    name: str
    tasks: frozenset[str]
    higher_is_better: bool
    counts: Callable[[Outcomes], np.ndarray]
    value: Callable[[np.ndarray], np.ndarray]
    bounds: tuple[float, float] = (0.0, 1.0)

    def score(self, outcomes: Outcomes) -> float:
        """Return the score of `outcomes`."""
        return float(self.value(self.counts(outcomes).sum(axis=0)))

    def __call__(self, task: Task, predictions: Sequence[Any]) -> float:
        """Return the score of a task's predictions, which hold their gold answers."""
        return self.score(Outcomes.of(task, predictions))


def load_metric(name: str, task: Task) -> Metric:
    """Return the metric of that name, or the task's own if `name` is empty.

    Raises:
        ConfigError: there is no such metric, or it is not defined for this kind of task.
    """
    metric = METRICS.load(name or task.metric)
    if task.kind not in metric.tasks:
        fitting = [other for other in METRICS if task.kind in METRICS.load(other).tasks]
        raise ConfigError(unknown(f"metric of a {task.kind} task", name, fitting))
    return metric


def metrics_for(task: Task, extra: Sequence[str] = ()) -> list[Metric]:
    """Return the metrics every evaluation of a task has, its main one first, and `extra` ones."""
    return [load_metric(name, task) for name in dict.fromkeys((task.metric, *DEFAULTS[task.kind], *extra))]


def ratio(numerator: Any, denominator: Any) -> np.ndarray:
    """Divide elementwise; nothing over nothing is 0, as conlleval and scikit-learn have it."""
    numerator, denominator = np.broadcast_arrays(np.asarray(numerator, float), np.asarray(denominator, float))
    return np.divide(numerator, denominator, out=np.zeros(numerator.shape), where=denominator != 0)


def label_counts(outcomes: Outcomes) -> np.ndarray:
    """Return (examples, labels, 3) int64: right, predicted and gold decisions for each label of each example."""
    if outcomes.kind == NER:
        return _entity_counts(outcomes)
    gold, predicted = outcomes.index(outcomes.gold), outcomes.index(outcomes.predicted)
    rows = np.arange(len(gold))
    counts = np.zeros((len(gold), len(outcomes.labels), 3), dtype=np.int64)
    counts[rows, predicted, 1] = 1
    counts[rows, gold, 2] = 1
    counts[..., 0] = counts[..., 1] & counts[..., 2]
    return counts


def _entity_counts(outcomes: Outcomes) -> np.ndarray:
    """Count entities; one is right if start, end and type are, which is conlleval's rule for chunks."""
    counts = np.zeros((len(outcomes.gold), len(outcomes.labels), 3), dtype=np.int64)
    column = {label: i for i, label in enumerate(outcomes.labels)}
    for row, gold, predicted in zip(counts, outcomes.gold, outcomes.predicted, strict=True):
        gold_set, predicted_set = set(map(tuple, gold)), set(map(tuple, predicted))
        for kind, spans in enumerate((gold_set & predicted_set, predicted_set, gold_set)):
            for *_, label in spans:
                if label not in column:
                    raise DataError(unknown("entity type", label, outcomes.labels))
                row[column[label], kind] += 1
    return counts


def precision_recall_f1(counts: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return precision, recall and F1 of (..., 3) sums of right, predicted and gold decisions."""
    right, predicted, gold = np.moveaxis(counts, -1, 0)
    return ratio(right, predicted), ratio(right, gold), ratio(2 * right, predicted + gold)


def confusion_matrix(outcomes: Outcomes) -> np.ndarray:
    """Return (labels, labels) int64 counts of a classification: rows gold, columns predicted."""
    size = len(outcomes.labels)
    cells = outcomes.index(outcomes.gold) * size + outcomes.index(outcomes.predicted)
    return np.bincount(cells, minlength=size * size).reshape(size, size)


def per_label(outcomes: Outcomes) -> dict[str, dict[str, float]]:
    """Return precision, recall, F1 and support (gold decisions) of each label or entity type."""
    sums = label_counts(outcomes).sum(axis=0)
    rows = zip(outcomes.labels, *precision_recall_f1(sums), sums[:, 2], strict=True)
    return {
        label: {"precision": float(p), "recall": float(r), "f1": float(f), "support": int(n)}
        for label, p, r, f, n in rows
    }


def conlleval_report(outcomes: Outcomes) -> str:
    """Return what the conlleval script prints for IOB2 tags of the units that entities were predicted on."""
    tags = list(_tags(outcomes))
    return str(conlleval.score([gold for gold, _ in tags], [predicted for _, predicted in tags]))


def _tags(outcomes: Outcomes) -> Iterator[tuple[list[str], list[str]]]:
    """Yield gold and predicted tags of each example's units."""
    for units, gold, predicted in zip(outcomes.units, outcomes.gold, outcomes.predicted, strict=True):
        yield conlleval.unit_tags(units, gold), conlleval.unit_tags(units, predicted)


def _right(outcomes: Outcomes) -> np.ndarray:
    gold, predicted = outcomes.index(outcomes.gold), outcomes.index(outcomes.predicted)
    return np.stack([gold == predicted, np.ones_like(gold)], axis=1).astype(np.int64)


def _decisions(outcomes: Outcomes) -> np.ndarray:
    return label_counts(outcomes).sum(axis=1)


def _by_label(outcomes: Outcomes) -> np.ndarray:
    counts = label_counts(outcomes)
    return counts.reshape(len(counts), -1)


def _units_right(outcomes: Outcomes) -> np.ndarray:
    rows = [(conlleval.matching(gold, predicted), len(gold)) for gold, predicted in _tags(outcomes)]
    return np.array(rows, dtype=np.int64)


def _unit_chunks(outcomes: Outcomes) -> np.ndarray:
    """Count chunks of units' tags as conlleval does: right, predicted and gold ones of each example."""
    return conlleval.score_each(*zip(*_tags(outcomes), strict=True)) if outcomes.gold else np.zeros((0, 3), np.int64)


def _disagreement(outcomes: Outcomes) -> np.ndarray:
    """Columns: squared distance of the labels' positions, gold one-hot, predicted one-hot."""
    gold, predicted = outcomes.index(outcomes.gold), outcomes.index(outcomes.predicted)
    one_hot = np.eye(len(outcomes.labels), dtype=np.int64)
    return np.concatenate([((gold - predicted) ** 2)[:, None], one_hot[gold], one_hot[predicted]], axis=1)


def _macro_f1(sums: np.ndarray) -> np.ndarray:
    """Mean F1 over the labels that occur in gold or predictions, as scikit-learn has it."""
    counts = sums.reshape(*sums.shape[:-1], -1, 3)
    f1 = precision_recall_f1(counts)[2]
    return ratio(f1.sum(axis=-1), (counts[..., 1:].sum(axis=-1) > 0).sum(axis=-1))


def _kappa(sums: np.ndarray) -> np.ndarray:
    """Cohen's kappa with quadratic weights (Cohen 1968); 0 where chance alone leaves no disagreement."""
    observed, gold, predicted = np.split(sums, [1, (sums.shape[-1] + 1) // 2], axis=-1)
    position = np.arange(gold.shape[-1])
    weights = (position[:, None] - position) ** 2
    expected = np.einsum("...i,ij,...j->...", gold, weights, predicted)
    total = gold.sum(axis=-1)
    return np.where(expected > 0, 1 - ratio(observed[..., 0] * total, expected), 0.0)


def _metric(name, tasks, counts, value, higher_is_better=True, bounds=(0.0, 1.0)) -> Metric:
    return Metric(name, frozenset(tasks), higher_is_better, counts, value, bounds)


def _share(sums: np.ndarray) -> np.ndarray:
    return ratio(sums[..., 0], sums[..., 1])


accuracy = _metric("accuracy", {CLASSIFICATION}, _right, _share)
error_rate = _metric("error_rate", {CLASSIFICATION}, _right, lambda s: ratio(s[..., 1] - s[..., 0], s[..., 1]), False)
macro_f1 = _metric("macro_f1", {CLASSIFICATION, NER}, _by_label, _macro_f1)
micro_f1 = _metric("micro_f1", {CLASSIFICATION, NER}, _decisions, lambda sums: precision_recall_f1(sums)[2])
quadratic_kappa = _metric("kappa", {CLASSIFICATION}, _disagreement, _kappa, bounds=(-1.0, 1.0))
entity_precision = _metric("entity_precision", {NER}, _decisions, lambda sums: precision_recall_f1(sums)[0])
entity_recall = _metric("entity_recall", {NER}, _decisions, lambda sums: precision_recall_f1(sums)[1])
entity_f1 = _metric("entity_f1", {NER}, _decisions, lambda sums: precision_recall_f1(sums)[2])
unit_f1 = _metric("unit_f1", {NER}, _unit_chunks, lambda sums: precision_recall_f1(sums)[2])
unit_precision = _metric("unit_precision", {NER}, _unit_chunks, lambda sums: precision_recall_f1(sums)[0])
unit_recall = _metric("unit_recall", {NER}, _unit_chunks, lambda sums: precision_recall_f1(sums)[1])
token_accuracy = _metric("token_accuracy", {NER}, _units_right, _share)
