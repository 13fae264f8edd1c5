"""Running text with entities as inline elements, ``<PERSON>太郎</PERSON>は``: BCCWJ's named entities, IREX's files.

Iwakura, Komiya, Tachibana (2016) annotate texts of BCCWJ so: one file a document, one sentence a line.
"""

from __future__ import annotations

import re
from collections import Counter
from io import BytesIO

from jptransfer.config import TaskConfig
from jptransfer.corpora.error_policy import decode_lines
from jptransfer.datasets.archives import members
from jptransfer.datasets.base import RawDataset, data_files, error_policy
from jptransfer.datasets.span_json import disjoint
from jptransfer.tasks.ner import EntityExample
from jptransfer.tasks.spans import Span
from jptransfer.text.normalize import unescape

PIECE = re.compile(r"<(/?)([A-Za-z][\w.-]*+)([^<>]*+)>|<[!?][^>]*+>")


def read(config: TaskConfig) -> RawDataset:
    """Read the files of splits or ``all``: each a folder or archive, one file per document.

    Of nested entities the longest stays. A document is in one split. Lines without text are passed over.
    """
    policy = error_policy(config)
    types, suffixes = frozenset(config.inline_xml.types), tuple(config.inline_xml.suffixes)
    data = RawDataset({}, policy.skipped)
    for role, path in data_files(config).items():
        examples = data.splits.setdefault(role, [])
        for name, raw in members(path, lambda name: name.endswith(suffixes)):
            for number, line in decode_lines(BytesIO(raw), f"{path}: {name}", config.encoding, policy):
                try:
                    text, spans = parse(line, types)
                except ValueError as error:
                    policy.report("malformed", f"{path}: {name}:{number}", str(error))
                    continue
                if text.strip():
                    examples.append(_example(f"{name}:{number}", text, spans, data.counts))
                    data.groups[examples[-1].id] = name
    return data


def _example(id: str, text: str, spans: list[Span], counts: Counter[str]) -> EntityExample:
    kept = disjoint(spans)
    counts["nested entities"] += len(spans) - len(kept)
    return EntityExample(id, text, tuple(kept))


def parse(line: str, types: frozenset[str]) -> tuple[str, list[Span]]:
    """Return a line's text, character references resolved, and its entities.

    Raises:
        ValueError: an entity is not closed, or closed without being open.
    """
    text, end = "", 0
    opened: list[tuple[str, int]] = []
    spans: list[Span] = []
    for found in PIECE.finditer(line, 0, line.rfind(">") + 1):  # so that no search for an end is in vain
        text += unescape(line[end:found.start()])
        end = found.end()
        kind = found[2]
        if kind not in types or (found[3] or "").endswith("/"):
            continue
        if not found[1]:
            opened.append((kind, len(text)))
        elif not opened or opened[-1][0] != kind:
            raise ValueError(f"</{kind}> closes no <{kind}> of this line")
        else:
            spans.append(Span(opened.pop()[1], len(text), kind))
    if opened:
        raise ValueError(f"<{opened[-1][0]}> is not closed in its line")
    text += unescape(line[end:])
    return text, [span for span in spans if span.start < span.end]
