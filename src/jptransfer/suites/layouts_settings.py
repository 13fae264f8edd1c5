"""Registry rows of layouts of tables."""

from __future__ import annotations

from jptransfer.registry import LAYOUTS

LAYOUTS.add("absolute", "jptransfer.suites.layouts:absolute", "a row's scores as they are, the paper's beside ours")
LAYOUTS.add("differences", "jptransfer.suites.layouts:differences",
            "a baseline's scores, all other rows as differences from it")
LAYOUTS.add("gains", "jptransfer.suites.layouts:gains",
            "a first column's scores, the others' with what they gain on it in per cent")
