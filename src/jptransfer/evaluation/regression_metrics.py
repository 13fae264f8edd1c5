"""Scores of predicted numbers: squared error and correlations."""

from __future__ import annotations

import math

import numpy as np

from jptransfer.evaluation.metrics import StatisticMetric, SumMetric
from jptransfer.tasks.outcomes import ValueOutcomes, ratio


def _squared_errors(outcomes: ValueOutcomes) -> np.ndarray:
    gold, predicted = outcomes.arrays()
    return np.stack([(predicted - gold) ** 2, np.ones_like(gold)], axis=1)


def correlation(gold: np.ndarray, predicted: np.ndarray) -> np.ndarray:
    """Return Pearson's r over the last axis; 0, no relation, where one side is constant."""
    gold = gold - gold.mean(axis=-1, keepdims=True)
    predicted = predicted - predicted.mean(axis=-1, keepdims=True)
    scale = np.sqrt((gold**2).sum(axis=-1) * (predicted**2).sum(axis=-1))
    return np.clip(ratio((gold * predicted).sum(axis=-1), scale), -1.0, 1.0)


def _pearson(outcomes: ValueOutcomes, index: np.ndarray) -> np.ndarray:
    gold, predicted = outcomes.arrays()
    return correlation(gold[index], predicted[index])


def _spearman(outcomes: ValueOutcomes, index: np.ndarray) -> np.ndarray:
    """Pearson's r of ranks, equals sharing the mean of their ranks; ranked again in every resample."""
    from scipy.stats import rankdata

    gold, predicted = outcomes.arrays()
    return correlation(rankdata(gold[index], axis=-1), rankdata(predicted[index], axis=-1))


def _standardised(outcomes: ValueOutcomes) -> ValueOutcomes:
    """Return the predicted numbers with mean 0 and variance 1, all 0 where they are constant."""
    predicted = outcomes.arrays()[1]
    centred = predicted - predicted.mean()
    return ValueOutcomes(outcomes.gold, ratio(centred, centred.std()).tolist())


def _ranked(outcomes: ValueOutcomes) -> ValueOutcomes:
    """Return the ranks of the predicted numbers, equals sharing the mean of theirs."""
    from scipy.stats import rankdata

    return ValueOutcomes(outcomes.gold, rankdata(outcomes.arrays()[1]).tolist())


mse = SumMetric("mse", ValueOutcomes, _squared_errors, lambda sums: ratio(sums[..., 0], sums[..., 1]), False,
                (0.0, math.inf))
pearson = StatisticMetric("pearson", ValueOutcomes, _pearson, bounds=(-1.0, 1.0), comparable=_standardised)
spearman = StatisticMetric("spearman", ValueOutcomes, _spearman, bounds=(-1.0, 1.0), comparable=_ranked)
