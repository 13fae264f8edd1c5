"""Registry row of reader `crf_knbc`, which has no settings of its own."""

from __future__ import annotations

from jptransfer.registry import DATASETS

DATASETS.add("crf_knbc", "jptransfer.datasets.crf_knbc:read",
             "CRF++'s sample and KNB corpus as one, named entities (IREX types)", files=("crfpp", "knbc"))
