"""A label and a text on each line: ``1 a good film`` (SST, MR, SUBJ, TREC), ``__label__1 a good film`` (fastText)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from jptransfer.corpora.intake import read_lines
from jptransfer.datasets.base import RawDataset, data_files, intake, reader_options
from jptransfer.tasks.classification import TextExample

if TYPE_CHECKING:
    from jptransfer.config import TaskConfig

FIRST = re.compile(r"\s*(\S+)(?:\s+(.*\S)\s*|\s*)$", re.DOTALL)
OPTIONS = {"layout": ("auto", "label_text", "fasttext"), "prefix": ("",)}
PREFIX = "__label__"


def read(config: TaskConfig) -> RawDataset:
    """Read ``files.train``, ``validation``, ``test`` or ``all``; blank lines are passed over.

    The label is the first word of a line. In fastText's layout, which a first line with ``options.prefix``
    (``__label__``) shows, labels bear that prefix and may stand anywhere; a line with several is malformed, because a
    text has one label here.
    """
    options, trouble = reader_options(config, OPTIONS), intake(config)
    prefix = options["prefix"] or PREFIX
    data = RawDataset({}, trouble.skipped)
    for role, path in data_files(config).items():
        examples = data.splits.setdefault(role, [])
        marked = options["layout"] == "fasttext"
        for number, line in read_lines(path, config.encoding, trouble):
            if not line.strip():
                continue
            marked |= options["layout"] == "auto" and not examples and line.lstrip().startswith(prefix)
            label, text, problem = _marked(line, prefix) if marked else _first(line)
            if problem:
                trouble.trouble("malformed", f"{path}:{number}", problem)
            else:
                examples.append(TextExample(f"{role}-{number}", text, label))
    return data


def _first(line: str) -> tuple[str, str, str]:
    """Return label, text and what is wrong of a line that begins with its label."""
    found = FIRST.match(line)
    label, text = (found[1], found[2] or "") if found else ("", "")
    return label, text, "" if text else f"a label and a text are expected, not '{line.strip()}' alone"


def _marked(line: str, prefix: str) -> tuple[str, str, str]:
    """Return label, text and what is wrong of a line whose label bears a prefix."""
    words = line.split()
    labels = [word.removeprefix(prefix) for word in words if word.startswith(prefix)]
    text = " ".join(word for word in words if not word.startswith(prefix))
    if len(labels) != 1:
        return "", text, f"{len(labels)} labels ({', '.join(labels) or f'no {prefix}…'}); a text has one label here"
    return labels[0], text, "" if text else "there is no text beside the label"
