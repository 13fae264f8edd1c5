"""Registry rows of kinds of cells."""

from __future__ import annotations

from jptransfer.registry import CELLS

CELLS.add("evaluation", "jptransfer.suites.cells:Evaluations", "score of a task model on the final split, over seeds")
CELLS.add("language_model", "jptransfer.suites.cells:LanguageModels",
          "a number of a language model's summary, such as its bits per byte")
CELLS.add("probe", "jptransfer.suites.cells:Probes", "a number that a probe found, such as the accuracy of a unit")
CELLS.add("dataset", "jptransfer.suites.cells:Counts", "what a data set holds: numbers of examples, of labels")
