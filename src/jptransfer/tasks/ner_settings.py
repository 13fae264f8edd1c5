"""Registry row of task kind `ner`."""

from __future__ import annotations

from jptransfer.registry import TASKS

TASKS.add("ner", "jptransfer.tasks.ner:EntityRecognition", "typed spans of a text")
