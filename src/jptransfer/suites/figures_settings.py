"""Registry rows of kinds of figures."""

from __future__ import annotations

from jptransfer.registry import FIGURES

FIGURES.add("points", "jptransfer.suites.figures:points",
            "a panel a column: ours with its interval, the paper's, a line a row")
FIGURES.add("tag_frequency", "jptransfer.suites.figures:tag_frequency",
            "how often each tag occurs, by rank: a curve a data set")
FIGURES.add("learning_curve", "jptransfer.suites.figures:learning_curve",
            "score over the number of training examples, a line a row")
FIGURES.add("training_curve", "jptransfer.suites.figures:training_curve",
            "a number of language models on the validation split over updates, a line a row")
FIGURES.add("unit_histogram", "jptransfer.suites.figures:unit_histogram",
            "values of the unit that probe sentiment_unit found, by class")
FIGURES.add("tag_arrows", "jptransfer.suites.figures:tag_arrows",
            "an arrow a tag from the baseline's F1 to a row's, by frequency")
