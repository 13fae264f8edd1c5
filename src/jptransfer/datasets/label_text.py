"""Lines of a label and a text: ``1 a gripping film`` (SST, MR, SUBJ, TREC), ``__label__good a film`` (fastText)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from jptransfer.config import TaskConfig
from jptransfer.corpora.error_policy import ErrorPolicy, read_lines
from jptransfer.datasets.base import RawDataset, data_files, error_policy
from jptransfer.datasets.label_text_settings import LabelDetail, LabelTextConfig, SeveralLabels
from jptransfer.datasets.separators import SEPARATORS
from jptransfer.tasks.classification import TextExample

BLANKS = "[ \t]+"
"""Between a label and its text. The ideographic space may begin a text."""

Line = tuple[list[str], str]
"""The labels of a line and its text."""


def read(config: TaskConfig) -> RawDataset:
    """Read the files of splits or ``all``; blank lines are passed over.

    The label precedes the first space or tab (or `separator`). In a file whose first line has a word that begins with
    `prefix`, such words are the labels of every line, wherever they are, and the rest is the text.
    """
    settings, policy = config.label_text, error_policy(config)
    separator = re.escape(SEPARATORS.get(settings.separator, settings.separator)) or BLANKS
    data = RawDataset({}, policy.skipped)
    for role, path in data_files(config).items():
        examples = data.splits.setdefault(role, [])
        for number, (labels, text) in _lines(path, config.encoding, settings.prefix, separator, policy):
            if label := _label(labels, text, f"{path}:{number}", settings, policy):
                examples.append(TextExample(f"{role}-{number}", text, label))
    return data


def _lines(path: Path, encoding: str, prefix: str, separator: str, policy: ErrorPolicy) -> Iterator[tuple[int, Line]]:
    """Yield number and content of every line that is not blank."""
    marked = re.compile(rf"(?<!\S){re.escape(prefix)}(\S*)")
    prefixed = None
    for number, line in read_lines(path, encoding, policy):
        if not line.strip():
            continue
        if prefixed is None:
            prefixed = marked.search(line) is not None
        if prefixed:
            yield number, ([found for found in marked.findall(line) if found], _joined(marked.split(line)[::2]))
        else:
            label, *rest = re.split(separator, line.strip(" \t"), maxsplit=1)
            yield number, ([label.strip()] if label.strip() else [], "".join(rest).strip())


def _joined(pieces: list[str]) -> str:
    return " ".join(piece.strip() for piece in pieces if piece.strip())


def _label(labels: list[str], text: str, where: str, settings: LabelTextConfig, policy: ErrorPolicy) -> str:
    """Return the label of a line; empty if the line is not an example, which is reported."""
    if settings.labels is LabelDetail.coarse:
        labels = list(dict.fromkeys(label.partition(":")[0] for label in labels))
    if not labels or not labels[0]:
        policy.report("empty label", where, "the line has no label")
    elif len(labels) > 1 and settings.several is SeveralLabels.error:
        policy.report("several labels", where, f"the line has {len(labels)} labels ({', '.join(labels[:5])}), a text "
                                                 "has one; task.label_text.several=first takes the first")
    elif not text:
        policy.report("empty text", where, f"there is no text after the label '{labels[0]}'")
    else:
        return labels[0]
    return ""
