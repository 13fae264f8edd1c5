"""Registry rows of metrics of labels, entities and tags."""

from __future__ import annotations

from jptransfer.registry import METRICS

METRICS.add("accuracy", "jptransfer.evaluation.metrics:accuracy", "share of examples that are right")
METRICS.add("error_rate", "jptransfer.evaluation.metrics:error_rate", "share of examples that are wrong")
METRICS.add("macro_f1", "jptransfer.evaluation.metrics:macro_f1", "mean of the classes' F1")
METRICS.add("micro_f1", "jptransfer.evaluation.metrics:micro_f1", "F1 over all decisions")
METRICS.add("kappa", "jptransfer.evaluation.metrics:quadratic_kappa", "quadratic weighted kappa over ordered labels")
METRICS.add("entity_f1", "jptransfer.evaluation.metrics:entity_f1",
            "F1 over entities as spans of characters, by conlleval's rule")
METRICS.add("entity_precision", "jptransfer.evaluation.metrics:entity_precision",
            "precision over entities, see entity_f1")
METRICS.add("entity_recall", "jptransfer.evaluation.metrics:entity_recall", "recall over entities, see entity_f1")
METRICS.add("unit_f1", "jptransfer.evaluation.metrics:unit_f1",
            "conlleval's F1 over chunks of the tagged units; entities off their borders are widened to them")
METRICS.add("unit_precision", "jptransfer.evaluation.metrics:unit_precision",
            "conlleval's precision over chunks of the tagged units")
METRICS.add("unit_recall", "jptransfer.evaluation.metrics:unit_recall",
            "conlleval's recall over chunks of the tagged units")
METRICS.add("token_accuracy", "jptransfer.evaluation.metrics:token_accuracy",
            "share of units with the right tag, as conlleval has it")
