"""livedoor news corpus: ``text/<topic>/<topic>-<number>.txt``, lines URL, date, title, then the body."""

from __future__ import annotations

import re

from jptransfer.config import TaskConfig
from jptransfer.config.task import POOL
from jptransfer.datasets.archives import members
from jptransfer.datasets.base import RawDataset, data_files, error_policy
from jptransfer.tasks.classification import TextExample

ARTICLE = re.compile(r"(?:^|/)([a-z-]+)/(\1-\d+)\.txt$")


def read(config: TaskConfig) -> RawDataset:
    """Read the archive (or its folder) under ``files.all``."""
    part = config.livedoor.part.value
    path, policy = data_files(config)[POOL], error_policy(config)
    examples = []
    for name, raw in members(path, lambda name: ARTICLE.search(name) is not None):
        topic, number = ARTICLE.search(name).groups()  # type: ignore[union-attr]
        text = _part(raw, config.encoding, part)
        if text is None:
            policy.report("malformed", f"{path}: {name}", f"no article with {part} in {config.encoding}")
        else:
            examples.append(TextExample(number, text, topic))
    return RawDataset({POOL: examples}, policy.skipped)


def _part(raw: bytes, encoding: str, part: str) -> str | None:
    """Return the part of an article; None if it is missing or not text."""
    try:
        lines = raw.decode(encoding).replace("\r\n", "\n").split("\n")
    except UnicodeDecodeError:
        return None
    title, body = lines[2].strip() if len(lines) > 2 else "", "\n".join(lines[3:]).strip()
    text = {"titles": title, "bodies": body, "both": f"{title}\n{body}"}[part]
    return text if title and text else None
