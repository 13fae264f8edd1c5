"""CRF-KNBC (Johnson et al. 2019, section 4.1.1): the Japanese sample of CRF++ and the KNB corpus in one."""

from __future__ import annotations

from dataclasses import replace
from itertools import chain

from jptransfer.config import TaskConfig
from jptransfer.datasets import conll_file, knbc
from jptransfer.datasets.base import POOL, RawDataset, data_files
from jptransfer.datasets.conll_file_settings import ConllFileConfig


def read(config: TaskConfig) -> RawDataset:
    """Read ``files.crfpp`` (the sample's folder with train.data and test.data) and ``files.knbc`` (the archive).

    Splits keep an article of KNBC together; the sample does not tell its documents, so each of its sentences is one.
    """
    sample, blogs = (data_files(config, ["crfpp", "knbc"])[name] for name in ("crfpp", "knbc"))
    parts = {"train": str(sample / "train.data"), "test": str(sample / "test.data")}
    columns = conll_file.read(replace(config, files=parts, **{"conll_file": ConllFileConfig()}))
    articles = knbc.entities(replace(config, files={POOL: str(blogs)}))
    tagged = chain.from_iterable(columns.splits.values())
    examples = [*(replace(example, id=f"crfpp-{example.id}") for example in tagged), *articles.splits[POOL]]
    return RawDataset({POOL: examples}, columns.counts + articles.counts, articles.groups)
