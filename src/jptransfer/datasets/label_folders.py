"""A folder for each label, with a text per file, as IMDB has them: ``train/pos/0_9.txt``, ``train/neg/0_3.txt``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jptransfer.datasets.archives import members
from jptransfer.datasets.base import RawDataset, data_files, intake, reader_options
from jptransfer.tasks.classification import TextExample

if TYPE_CHECKING:
    from jptransfer.config import TaskConfig

OPTIONS = {"suffix": ("",)}


def read(config: TaskConfig) -> RawDataset:
    """Read ``files.train``, ``validation``, ``test`` or ``all``: each a folder, or a tar archive, of label folders.

    The label is the name of the folder that a file lies in; ``task.label_map={unsup: ''}`` drops a folder.
    ``options.suffix`` (``.txt``) says which files are texts.
    """
    suffix, trouble = reader_options(config, OPTIONS)["suffix"] or ".txt", intake(config)
    data = RawDataset({}, trouble.skipped)
    for role, path in data_files(config).items():
        examples = data.splits.setdefault(role, [])
        for name, raw in members(path, lambda name: name.endswith(suffix) and "/" in name):
            try:
                text = raw.decode(config.encoding).strip()
            except UnicodeDecodeError:
                trouble.trouble("bad_bytes", f"{path}: {name}", f"not {config.encoding}")
                continue
            if text:
                examples.append(TextExample(f"{role}/{name}", text, name.split("/")[-2]))
            else:
                trouble.trouble("empty text", f"{path}: {name}", "the file has no text")
    return data
