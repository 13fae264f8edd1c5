"""Registry rows of losses."""

from __future__ import annotations

from jptransfer.registry import LOSSES

LOSSES.add("cross_entropy", "jptransfer.learners.losses:CrossEntropy",
           "cross-entropy of one class, with class weights and smoothing")
LOSSES.add("mse", "jptransfer.learners.losses:SquaredError", "squared error of numbers")
