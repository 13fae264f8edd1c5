"""Scores of chunks: ours against seqeval's report, in turns, equal figures of every type demanded first.

python benchmarks/conlleval.py [--sentences N] [--rounds R]

Sentences are as long as those of news (geometric, mean 20); tags are IOB2 over 4 or 200 types, and a tenth of the
predicted ones are drawn anew. Both sides get lists of tags and give precision, recall and F1 of every type and of all.
"""

from __future__ import annotations

import argparse
import os
import warnings
from functools import partial

os.environ["OMP_NUM_THREADS"] = "1"

import numpy as np
from harness import compare, cpu_seconds, heading, in_turns, parser
from seqeval.metrics import classification_report

from jptransfer.tasks.conlleval import Scores, score
from jptransfer.tasks.spans import tag_names

Sentences = list[list[str]]
Figures = dict[str, tuple[float, float, float]]
WHOLE = "micro avg"


def main() -> None:
    arguments = parse()
    warnings.simplefilter("ignore")
    heading(f"{arguments.sentences:,} sentences, CPU time of one thread")
    for types in (4, 200):
        gold, predicted = sentences(arguments.sentences, [f"T{number}" for number in range(types)])
        one, two = ours(gold, predicted), theirs(gold, predicted)
        assert one.keys() == two.keys()
        assert all(np.allclose(one[name], two[name], rtol=0, atol=1e-12) for name in one)
        times = in_turns({"ours": partial(cpu_seconds, partial(ours, gold, predicted)),
                          "peer": partial(cpu_seconds, partial(theirs, gold, predicted))}, arguments.rounds)
        compare(f"scores of {sum(map(len, gold)):,} tags, {types} types", "s", times["ours"],
                "seqeval's classification_report", times["peer"])


def parse() -> argparse.Namespace:
    made = parser(__doc__, rounds=5)
    made.add_argument("--sentences", type=int, default=5000)
    return made.parse_args()


def sentences(count: int, types: list[str]) -> tuple[Sentences, Sentences]:
    """Return gold and predicted tags."""
    rng = np.random.default_rng(0)
    names = np.array(tag_names(types))
    gold, predicted = [], []
    for length in rng.geometric(1 / 20, count):
        tags = np.where(rng.random(length) < 0.8, 0, rng.integers(0, len(names), length))
        other = np.where(rng.random(length) < 0.9, tags, rng.integers(0, len(names), length))
        gold.append(names[tags].tolist())
        predicted.append(names[other].tolist())
    return gold, predicted


def ours(gold: Sentences, predicted: Sentences) -> Figures:
    counts = score(gold, predicted)
    return {name: _figures(one) for name, one in (*counts.types.items(), (WHOLE, counts.overall))}


def _figures(scores: Scores) -> tuple[float, float, float]:
    return scores.precision, scores.recall, scores.f1


def theirs(gold: Sentences, predicted: Sentences) -> Figures:
    report = classification_report(gold, predicted, output_dict=True, zero_division=0)
    return {name: (row["precision"], row["recall"], row["f1-score"]) for name, row in report.items()
            if name == WHOLE or not name.endswith(" avg")}


if __name__ == "__main__":
    main()
