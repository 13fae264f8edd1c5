"""Registry row of reader `knp`, which has no settings of its own."""

from __future__ import annotations

from jptransfer.registry import DATASETS

DATASETS.add("knp", "jptransfer.datasets.knp:read", "KNP files with named entities (KWDLC)", version=4,
             more_files=("ids",))
