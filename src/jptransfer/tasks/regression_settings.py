"""Registry row of task kind `regression`."""

from __future__ import annotations

from jptransfer.registry import TASKS

TASKS.add("regression", "jptransfer.tasks.regression:Regression", "one number per text")
