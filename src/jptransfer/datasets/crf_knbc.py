"""CRF-KNBC (Johnson et al. 2019, section 4.1.1): the Japanese sample of CRF++ and the KNB corpus in one."""

from __future__ import annotations

from dataclasses import replace
from itertools import chain
from typing import Any

from jptransfer.config import TaskConfig
from jptransfer.config.task import POOL
from jptransfer.datasets import conll_file, knbc
from jptransfer.datasets.base import RawDataset, data_files
from jptransfer.datasets.conll_file_settings import ConllFileConfig


def read(config: TaskConfig) -> RawDataset:
    """Read ``files.crfpp`` (the sample's folder with train.data and test.data) and ``files.knbc`` (the archive).

    Splits keep an article of KNBC together; the sample does not tell its documents, so each of its sentences is one.
    """
    sample, blogs = data_files(config).values()
    parts = {"train": str(sample / "train.data"), "test": str(sample / "test.data")}
    own: dict[str, Any] = {"dataset": "conll_file", "files": parts, "conll_file": ConllFileConfig()}
    columns = conll_file.read(replace(config, **own))
    articles = knbc.entities(replace(config, dataset="knbc_ner", files={POOL: str(blogs)}))
    tagged = chain.from_iterable(columns.splits.values())
    examples = [*(replace(example, id=f"crfpp-{example.id}") for example in tagged), *articles.splits[POOL]]
    return RawDataset({POOL: examples}, columns.counts + articles.counts, articles.groups)
