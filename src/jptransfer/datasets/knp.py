"""KNP files with named entities, ``<NE:TYPE:surface>`` on a basic phrase: KWDLC, the Kyoto corpora.

Sentences are as in Hangyo, Kawahara, Kurohashi (2012): ``# S-ID:`` begins one, ``*`` a phrase, ``+`` a basic phrase,
``EOS`` ends it. The surface of an entity is made of the last morphemes up to one of the phrase that bears the mark; a
``>`` in it is written ``\\>``. A morpheme has its part of speech as a word and as a number: so ``#`` and ``@`` are told
from comments and from second analyses, which begin with them.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

from jptransfer.config import TaskConfig
from jptransfer.corpora.intake import Intake, decode_lines, read_lines
from jptransfer.datasets.archives import members
from jptransfer.datasets.base import POOL, RawDataset, data_files, intake, split_name
from jptransfer.datasets.span_json import disjoint
from jptransfer.errors import ConfigError, DataError
from jptransfer.tasks.base import SPLITS
from jptransfer.tasks.ner import EntityExample
from jptransfer.tasks.spans import Span

FILE = re.compile(r"\.knp$")
IDENTITY = re.compile(r"# S-ID:(\S+)")
PHRASE = re.compile(r"[*+] ?-?\d*[A-Z]?\b|[*+]$")
MARK = re.compile(r"<NE:([^:>]+):((?:\\>|[^>])+)>")
ESCAPED, SPACE = "\\>", "\\  "
IDS = "ids"
Range = tuple[int, int]


def read(config: TaskConfig) -> RawDataset:
    """Read ``files.train``, ``validation``, ``test`` or ``all``: each a file, folder or archive of ``*.knp`` files.

    A document (the sentence's id without its last part) is in one split; with `all`, ``files.ids`` may be a folder that
    says in which: train.id, dev.id, test.id, a document's id a line. Marks whose surface is not found are counted.
    """
    trouble = intake(config)
    data = RawDataset({}, trouble.skipped)
    files = data_files(config, beside=[IDS])
    ids = files.pop(IDS, None)
    for role, path in files.items():
        examples = data.splits.setdefault(role, [])
        for name, raw in members(path, lambda name: FILE.search(name) is not None).items():
            lines = decode_lines(BytesIO(raw), f"{path}: {name}", config.encoding, trouble)
            for where, identity, sentence in _sentences(f"{path}: {name}", lines):
                if not identity or not any(not PHRASE.match(line) for line in sentence):
                    trouble.trouble("malformed", where, "a sentence without S-ID, without morphemes or without EOS")
                    continue
                examples.append(_example(identity, sentence, data.counts))
                data.groups[identity] = identity.rpartition("-")[0] or identity
    if ids:
        data.splits = _divided(data, read_splits(ids, config.encoding, trouble))
    return data


def read_splits(folder: Path, encoding: str, trouble: Intake) -> dict[str, str]:
    """Return document -> split, as the files ``train.id``, ``dev.id``, ``test.id`` of a folder have them.

    Raises:
        DataError: there is none for training, or a document is in two.
    """
    found: dict[str, str] = {}
    for path in sorted(folder.glob("*.id")):
        if not (split := split_name(path.stem)):
            continue
        for name in filter(None, (line.strip() for _, line in read_lines(path, encoding, trouble))):
            if found.setdefault(name, split) != split:
                raise DataError(f"{path}: document '{name}' is of {found[name]}, too")
    if "train" not in found.values():
        raise DataError(f"task.files.{IDS}: '{folder}' has no document for training (train.id)")
    return found


def _divided(data: RawDataset, splits: dict[str, str]) -> dict[str, list[Any]]:
    """Return the undivided examples by split; those of documents that no split has are counted, and left out."""
    if POOL not in data.splits:
        raise ConfigError(f"task.files.{IDS} divides what {POOL} names; there is none")
    parts: dict[str, list[Any]] = {split: [] for split in SPLITS if split in splits.values()}
    for example in data.splits[POOL]:
        split = splits.get(data.groups[example.id])
        data.counts["sentences of no split"] += split is None
        if split:
            parts[split].append(example)
    data.counts["documents not found"] += len(splits.keys() - set(data.groups.values()))
    return parts


def _sentences(name: str, lines: Iterator[tuple[int, str]]) -> Iterator[tuple[str, str, list[str]]]:
    """Yield where each sentence begins, its id, and its lines of phrases and morphemes."""
    where, identity = name, ""
    held: list[str] = []
    for number, line in lines:
        if found := IDENTITY.match(line):
            if held:
                yield where, "", held
            where, identity, held = f"{name}:{number}", found[1], []
        elif line == "EOS":
            yield where, identity, held
            identity, held = "", []
        elif line and (line[0] not in "#@" or _is_morpheme(line)):
            held.append(line)
    if held:
        yield where, "", held


def _is_morpheme(line: str) -> bool:
    fields = line.split(" ", 5)
    return len(fields) > 4 and fields[4].isdecimal()


def _example(identity: str, lines: list[str], counts: Counter[str]) -> EntityExample:
    """Read the lines of a sentence; a mark is resolved when all morphemes of its basic phrase are known."""
    tokens: list[Range] = []
    text = ""
    phrases: list[tuple[list[tuple[str, str]], int]] = []
    for line in lines:
        if PHRASE.match(line):
            phrases.append((MARK.findall(line) if line.startswith("+") else [], len(tokens)))
        else:
            surface = " " if line.startswith(SPACE) else line.split(" ", 1)[0]
            tokens.append((len(text), len(text) + len(surface)))
            text += surface
    stops = [begin for _, begin in phrases[1:]] + [len(tokens)]
    spans: list[Span] = []
    for (marks, begin), stop in zip(phrases, stops, strict=True):
        for kind, surface in marks:
            place = _place(text, surface.replace(ESCAPED, ">"), tokens, begin, stop)
            spans += [Span(*place, kind)] if place else []
            counts["entities not found"] += place is None
    kept = disjoint(spans)
    counts["overlapping entities"] += len(spans) - len(kept)
    return EntityExample(identity, text, tuple(kept), tuple(tokens))


def _place(text: str, surface: str, tokens: list[Range], begin: int, stop: int) -> Range | None:
    """Span of `surface` where it ends with one of the morphemes `begin` to `stop`, the last of them that fits."""
    for _, end in reversed(tokens[begin:stop]):
        if text[:end].endswith(surface):
            return end - len(surface), end
    return None
