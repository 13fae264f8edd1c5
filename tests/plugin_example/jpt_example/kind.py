"""A kind of task: classification with ordered labels, whose main metric forgives neighbours."""

from jptransfer.registry import TASKS
from jptransfer.tasks.classification import Classification


@TASKS.register("ordered")
class Ordered(Classification):
    """One label of an order per text."""

    kind = "ordered"
    metrics = ("nearly_right", *Classification.metrics)
