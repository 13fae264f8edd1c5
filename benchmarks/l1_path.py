"""L1-regularised logistic regression for nine strengths: ours against scikit-learn's LIBLINEAR, in turns.

python benchmarks/l1_path.py [--examples 50000] [--features 4096] [--rounds 1]

Work on made-up states of an encoder (a common part of rank 64, noise, tanh) and labels that follow from 40 of them. For
every strength our objective may be no more than one part in 10,000 above the peer's. CPU time of one thread.
"""

from __future__ import annotations

import os
import warnings
from functools import partial

os.environ["OMP_NUM_THREADS"] = "1"

import numpy as np
from harness import compare, cpu_seconds, heading, in_turns, parser
from sklearn.linear_model import LogisticRegression

from jptransfer.learners.l1_path import l1_path

CS = [2.0 ** power for power in range(-8, 1)]


def main() -> None:
    made = parser(__doc__, rounds=1)
    made.add_argument("--examples", type=int, default=50_000)
    made.add_argument("--features", type=int, default=4096)
    arguments = made.parse_args()
    x, positive = data(arguments.examples, arguments.features)
    found: dict[str, list[tuple[np.ndarray, float]]] = {}

    def ours() -> None:
        found["ours"] = [(one.weight, one.bias) for one in l1_path(x, positive, CS)]

    def theirs() -> None:
        found["peer"] = [liblinear(x, positive, c) for c in CS]

    heading(f"{arguments.examples:,} x {arguments.features:,}, C from 2^-8 to 1; CPU time of a thread")
    times = in_turns({"ours": partial(cpu_seconds, ours), "peer": partial(cpu_seconds, theirs)}, arguments.rounds,
                     warm_up=0)
    for c, one, other in zip(CS, found["ours"], found["peer"], strict=True):
        mine, peers = objective(x, positive, c, *one), objective(x, positive, c, *other)
        assert mine <= peers * (1 + 1e-4), (c, mine, peers)
        print(f"  C = {c:g}: {np.count_nonzero(one[0]):,} weights; objective {mine / peers:.6f} of the peer's")
    compare("L1 path, 9 values of C", "s", times["ours"], "scikit-learn, liblinear", times["peer"])


def data(examples: int, features: int) -> tuple[np.ndarray, np.ndarray]:
    """Features (examples, features), float32, and labels."""
    random = np.random.default_rng(0)
    common = random.standard_normal((examples, 64), dtype=np.float32) @ random.standard_normal((64, features),
                                                                                              dtype=np.float32)
    x = np.tanh(0.08 * common + 0.5 * random.standard_normal((examples, features), dtype=np.float32))
    weights = np.zeros(features)
    weights[random.choice(features, 40, replace=False)] = 1.2 * random.standard_normal(40)
    return x, random.random(examples) < 1 / (1 + np.exp(-x @ weights))


def liblinear(x: np.ndarray, positive: np.ndarray, c: float) -> tuple[np.ndarray, float]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = LogisticRegression(penalty="l1", solver="liblinear", C=c, max_iter=1000).fit(x, positive)
    return model.coef_[0], float(model.intercept_[0])


def objective(x: np.ndarray, positive: np.ndarray, c: float, weight: np.ndarray, bias: float) -> float:
    losses = np.logaddexp(0, -np.where(positive, 1, -1) * (x @ weight + bias))
    return float(np.abs(weight).sum() + abs(bias) + c * losses.sum())


if __name__ == "__main__":
    main()
