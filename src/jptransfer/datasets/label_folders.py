"""Texts in folders that are their labels, ``pos/1.txt`` and ``neg/1.txt``: one file is one text, as in IMDB."""

from __future__ import annotations

from collections import Counter

from jptransfer.config import TaskConfig
from jptransfer.config.task import POOL, split_name
from jptransfer.corpora.error_policy import ErrorPolicy
from jptransfer.datasets.archives import members
from jptransfer.datasets.base import RawDataset, data_files, error_policy
from jptransfer.errors import DataError
from jptransfer.files import codec
from jptransfer.tasks.classification import TextExample

BESIDE = "files beside the labels' folders"


def read(config: TaskConfig) -> RawDataset:
    """Read the files of splits or ``all``: each a folder or archive whose folders are labels.

    With `all`, the labels' folders may be in folders of splits (``train/pos/1.txt``). Files that are not in the folder
    of a label are counted.
    """
    policy = error_policy(config)
    data = RawDataset({}, policy.skipped)
    for role, path in data_files(config).items():
        found = dict(members(path, lambda name: name.endswith(config.label_folders.suffix)))
        inside = [name for name in found if _split(name)] if role == POOL else []
        depth = Counter(name.count("/") for name in inside or found).most_common(1)[0][0]
        if not depth:
            raise DataError(f"task.files.{role}: '{path}' has no folders whose names could be labels, such as pos/ "
                            "and neg/")
        for name, raw in found.items():
            split = _split(name) if inside else role
            if name.count("/") != depth or not split:
                data.counts[BESIDE] += 1
            elif text := _text(raw, f"{path}: {name}", config.encoding, policy):
                example = TextExample(name if role == POOL else f"{role}/{name}", text, name.split("/")[-2])
                data.splits.setdefault(split, []).append(example)
    return data


def _split(name: str) -> str | None:
    """Return the split whose folder a label's folder is in, None if there is none."""
    folders = name.split("/")[:-2]
    return split_name(folders[-1]) if folders else None


def _text(raw: bytes, where: str, encoding: str, policy: ErrorPolicy) -> str:
    """Return the text of a file; an empty one if it has none that can be read, which is reported."""
    try:
        text = raw.decode(codec(encoding)).removeprefix("\ufeff").replace("\r\n", "\n").strip()
    except UnicodeDecodeError as error:
        policy.report("bad_bytes", where, f"not {encoding}: byte 0x{raw[error.start]:02x} at byte {error.start + 1}")
        return ""
    if not text:
        policy.report("empty text", where, "the file has no text")
    return text
