"""Registry row of task kind `classification`."""

from __future__ import annotations

from jptransfer.registry import TASKS

TASKS.add("classification", "jptransfer.tasks.classification:Classification", "one label per text")
