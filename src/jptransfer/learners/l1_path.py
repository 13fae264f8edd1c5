"""L1-regularised logistic regression for several strengths in one go, each started from the one before.

The objective is that of LIBLINEAR's solver (Fan et al. 2008, section 2; ``LogisticRegression(penalty="l1",
solver="liblinear")`` of scikit-learn), whose intercept is the weight of a constant feature and so regularised too.
Coordinate descent, as there, passes over all features many times. Here a proximal Newton method (Lee, Sun & Saunders
2014) works on the features that can be non-zero. The Hessian is computed once for a strength and corrected only where
progress is slow, so that nearly all of an iteration is two products with the features.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.linalg import LinAlgError, cho_factor, cho_solve
from scipy.linalg.blas import ssyrk

GAP = 1e-5
"""Duality gap, as a share of the objective, at which a solution is good enough."""
RIDGE = 1 + 1e-6
"""Factor of the Hessian's diagonal, which is singular where features are equal."""
ITERATIONS = 200
"""Maximum number of iterations for a strength."""
SLOW = 0.5
"""Share of the gap that an iteration has to close if the Hessian is to be kept for the next one."""
ALL = 0.15
"""Share of features that are not zero from which all are worked on."""
LEAST, SHARE = 64, 0.5
"""Features that may leave zero in an iteration: a number, or a share of those that have."""
GRADIENT_ROWS, HESSIAN_ROWS = 512, 4096
"""Rows of a partial sum: sums over more rows would lose digits in float32, and take more memory."""


@dataclass(frozen=True)
class L1Solution:
    """Weights of one strength.

    Attributes:
        c: inverse strength of the regularisation.
        weight: (features,) float64, most of them zero if C is small.
        bias: the intercept.
        objective: sum of absolute weights (and bias) plus C times the sum of the logistic losses.
        gap: by how much the objective is above the smallest possible one at most.
    """

    c: float
    weight: np.ndarray
    bias: float
    objective: float
    gap: float


def l1_path(features: np.ndarray, positive: np.ndarray, cs: Sequence[float],
            sample_weights: np.ndarray | None = None, gap: float = GAP) -> Iterator[L1Solution]:
    """Yield the solution for each C, from the smallest on.

    Args:
        features: (examples, features) float32, also memory-mapped.
        positive: (examples,) bool, the examples of the positive class.
        cs: inverse strengths of the regularisation, greater than zero.
        sample_weights: (examples,) factors of the losses; None: 1 each.
        gap: duality gap, as a share of the objective, to stop at.
    """
    signs = np.where(positive, 1.0, -1.0)
    factors = np.ones(len(signs)) if sample_weights is None else np.asarray(sample_weights, dtype=np.float64)
    weights, model, before = np.zeros(features.shape[1] + 1), _Hessian(features), 0.0
    for c in sorted(cs):
        model.matrix *= c / before if before else 1.0
        weights, objective, rest = _solve(model, signs, c * factors, weights, gap)
        before = c
        yield L1Solution(c, weights[:-1].copy(), float(weights[-1]), objective, rest)


def _solve(model: _Hessian, signs: np.ndarray, losses: np.ndarray, weights: np.ndarray,
           wanted: float) -> tuple[np.ndarray, float, float]:
    """Return weights (the last one is the bias), their objective, and its gap to the smallest one."""
    features = model.features
    scores = _scores(features, weights)
    objective = _objective(weights, signs * scores, losses)
    rest = before = np.inf
    for _ in range(ITERATIONS):
        wrong = 1 / (1 + np.exp(np.clip(signs * scores, -500, 500)))  # probability of the other class
        gradient = -_against(features, signs * losses * wrong)
        rest = min(rest, objective - _dual(gradient, wrong, losses))
        if rest <= wanted * objective:
            break
        if rest > (1 - SLOW) * before or not len(model.working):
            model.start(losses * wrong * (1 - wrong), _needed(weights, gradient, np.flatnonzero(weights)))
        model.extend(_needed(weights, gradient, model.working), losses * wrong * (1 - wrong))
        working, hessian = model.working, model.matrix
        before = rest
        target = _minimise(hessian, gradient[working], weights[working])
        direction = np.zeros_like(weights)
        direction[working] = target - weights[working]
        along = _scores(features, direction)
        slope = gradient[working] @ direction[working] + np.abs(target).sum() - np.abs(weights[working]).sum()
        step, found = 1.0, np.inf
        while step > 1e-8:
            candidate = weights + step * direction if step < 1 else _placed(weights, working, target)
            found = _objective(candidate, signs * (scores + step * along), losses)
            if found <= objective + 1e-4 * step * slope:
                break
            step /= 2
        if found >= objective:  # no progress beyond rounding
            break
        weights, objective = candidate, found
        scores = scores + step * along
    return weights, objective, max(0.0, rest)


def _placed(weights: np.ndarray, places: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Return a copy with `values` at `places`, zeros among them exactly zero."""
    copy = weights.copy()
    copy[places] = values
    return copy


def _scores(features: np.ndarray, weights: np.ndarray) -> np.ndarray:
    return features @ weights[:-1].astype(features.dtype) + weights[-1]


def _objective(weights: np.ndarray, margins: np.ndarray, losses: np.ndarray) -> float:
    return float(np.abs(weights).sum() + losses @ np.logaddexp(0, -margins))


def _against(features: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Return the products (features + 1,) of all features and the constant one with `values` (examples,)."""
    total = np.zeros(features.shape[1])
    for first in range(0, len(features), GRADIENT_ROWS):
        rows = slice(first, first + GRADIENT_ROWS)
        total += values[rows].astype(features.dtype) @ features[rows]
    return np.append(total, values.sum())


def _dual(gradient: np.ndarray, wrong: np.ndarray, losses: np.ndarray) -> float:
    """Return the dual objective of the point that `wrong` becomes when it is scaled into what the dual allows."""
    inside = wrong * min(1.0, 1.0 / np.abs(gradient).max())
    with np.errstate(divide="ignore", invalid="ignore"):
        entropy = inside * np.log(inside) + (1 - inside) * np.log1p(-inside)
    return float(-losses @ np.nan_to_num(entropy))


def _needed(weights: np.ndarray, gradient: np.ndarray, working: np.ndarray) -> np.ndarray:
    """Return features that are not zero, and those that want to leave zero: of new ones the `SHARE` that want it most.
    """
    pull = np.abs(gradient)
    pull[working] = 0
    if np.count_nonzero(weights) > ALL * len(weights):
        return np.arange(len(weights))
    new = np.flatnonzero((weights == 0) & (pull > 1))
    most = max(LEAST, int(SHARE * np.count_nonzero(weights)))
    if len(new) > most:
        new = new[np.argpartition(-pull[new], most)[:most]]
    return np.concatenate([np.flatnonzero(weights), new])


class _Hessian:
    """Second derivatives of the losses, for a set of features that grows; those of older features are not up to date.

    Attributes:
        working: (n,) the features, the last of all being the constant one.
        matrix: (n, n).
    """

    def __init__(self, features: np.ndarray) -> None:
        self.features = features
        self.working, self.matrix = np.zeros(0, dtype=np.int64), np.zeros((0, 0))

    def start(self, curvature: np.ndarray, working: np.ndarray) -> None:
        """Compute all of them for the losses' second derivatives `curvature` (examples,)."""
        self.working, total = working, np.zeros((len(working), len(working)), order="F")
        roots = np.sqrt(curvature).astype(self.features.dtype)
        for rows, part in self._parts(working) if len(working) else ():
            total += ssyrk(1.0, (part * roots[rows, None]).T)
        self.matrix = np.triu(total) + np.triu(total, 1).T
        self.matrix[np.diag_indices_from(self.matrix)] *= RIDGE

    def extend(self, needed: np.ndarray, curvature: np.ndarray) -> None:
        """Add those of `needed` that are not among the features yet."""
        new = np.setdiff1d(needed, self.working)
        if not len(new):
            return
        if len(new) > len(self.working):
            self.start(curvature, needed)
            return
        old, count = len(self.working), len(self.working) + len(new)
        self.working = np.concatenate([self.working, new])
        block, curvature = np.zeros((len(new), count)), curvature.astype(self.features.dtype)
        for rows, part in self._parts(self.working):
            block += (part[:, old:] * curvature[rows, None]).T @ part
        matrix = np.empty((count, count))
        matrix[:old, :old], matrix[old:], matrix[:old, old:] = self.matrix, block, block[:, :old].T
        added = np.arange(old, count)
        matrix[added, added] *= RIDGE
        self.matrix = matrix

    def _parts(self, chosen: np.ndarray) -> Iterator[tuple[slice, np.ndarray]]:
        """Yield rows and the chosen features of them."""
        for first in range(0, len(self.features), HESSIAN_ROWS):
            rows = slice(first, first + HESSIAN_ROWS)
            part = self.features[rows]
            whole = np.concatenate([part, np.ones((len(part), 1), part.dtype)], 1)
            yield rows, whole if len(chosen) == whole.shape[1] else whole[:, chosen]


def _minimise(hessian: np.ndarray, gradient: np.ndarray, start: np.ndarray) -> np.ndarray:
    """Return the x that makes the quadratic model of the losses around `start` plus the sum of |x| smallest.

    Newton steps within the orthant that the signs of x, or of its steepest descent where it is zero, point to
    (Andrew & Gao 2007, section 3.2).
    """
    x = start.copy()
    slope = gradient.copy()
    value, enough = np.abs(x).sum(), 0.0
    for _ in range(100):
        orthant = np.where(x != 0, np.sign(x), np.where(np.abs(slope) > 1, -np.sign(slope), 0.0))
        free = np.flatnonzero(orthant)
        pull = slope[free] + orthant[free]
        if not len(free) or np.abs(pull).max() <= enough:
            break
        enough = enough or max(1e-7, 0.1 * np.abs(pull).max())
        try:
            inner = hessian[np.ix_(free, free)].astype(np.float32)  # a direction needs no more digits
            step = -cho_solve(cho_factor(inner, overwrite_a=True, check_finite=False), pull, check_finite=False)
        except LinAlgError:
            step = -pull / np.diagonal(hessian)[free]
        length = 1.0
        while length > 1e-6:
            moved = x[free] + length * step
            moved[np.sign(moved) != orthant[free]] = 0
            change = np.zeros_like(x)
            change[free] = moved - x[free]
            bent = hessian @ change
            found = value + slope @ change + change @ bent / 2 + np.abs(x + change).sum() - np.abs(x).sum()
            if found < value - 1e-12 * abs(value):
                break
            length /= 4
        else:
            break
        x[free] = moved
        slope += bent
        value = found
    return x
