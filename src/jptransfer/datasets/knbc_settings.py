"""Registry rows of the readers of the KNB corpus, which have no settings of their own."""

from __future__ import annotations

from jptransfer.config.task import POOL
from jptransfer.registry import DATASETS

DATASETS.add("knbc_polarity", "jptransfer.datasets.knbc:polarity", "KNB corpus, polarity of opinions", files=(POOL,))
DATASETS.add("knbc_ner", "jptransfer.datasets.knbc:entities", "KNB corpus, named entities (IREX types)",
             files=(POOL,))
