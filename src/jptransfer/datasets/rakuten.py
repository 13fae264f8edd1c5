r"""Rakuten product reviews as Zhang & LeCun (2017) distribute them: CSV ``"label","title","comment"``, no header.

Labels count from 1 (stars; 1 and 2 for the binary set); line ends inside a text are written ``\n``.
"""

from __future__ import annotations

from jptransfer.config import Quotes, TaskConfig
from jptransfer.datasets.base import RawDataset, data_files, error_policy
from jptransfer.datasets.tables import read_rows
from jptransfer.datasets.text_file_settings import TextFileConfig
from jptransfer.tasks.classification import TextExample

COLUMNS = {"label": "0", "title": "1", "comment": "2"}
LAYOUT = TextFileConfig(header=False, quotes=Quotes.yes)


def read(config: TaskConfig) -> RawDataset:
    """Read the files of splits; the text is title and comment, or one of them."""
    part, policy = config.rakuten.part.value, error_policy(config)
    data = RawDataset({}, policy.skipped)
    for role, path in data_files(config).items():
        data.splits[role] = []
        for number, (_, cells) in enumerate(read_rows(path, COLUMNS, LAYOUT, config.encoding, policy), 1):
            parts = [_unescaped(cells[name]) for name in ("title", "comment") if part in ("both", name)]
            text = "\n".join(filter(None, parts))
            if text:
                data.splits[role].append(TextExample(f"{role}-{number}", text, cells["label"].strip()))
            else:
                data.counts["empty text"] += 1
    return data


def _unescaped(text: str) -> str:
    return text.replace("\\n", "\n").strip()
